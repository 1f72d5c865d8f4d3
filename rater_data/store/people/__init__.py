"""Who rates and who operates: accounts, what lets them in, and what is left of them when they are purged.

May import: rater_data, rater_data.store.database, rater_data.store.rounds.
"""
