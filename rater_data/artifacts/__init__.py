"""Adapters and checkpoints, wherever they are kept: in the home, another folder or an object store, whole or absent.

May import: rater_data, rater_data.store, rater_data.store.database.
"""
