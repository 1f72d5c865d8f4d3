"""A base over several devices of one process: which layer goes where, and what moves between them.

May import: rater_data.
"""
