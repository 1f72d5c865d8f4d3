"""A version leaves this home: its adapter with a card that says how it came about, or merged into a plain model.

May import: ppo, ppo.model.loading, rater_data, rater_data.artifacts, rater_data.statistics, rater_data.store.
"""
