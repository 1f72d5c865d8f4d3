"""How a round stands, in the words that the console, /api/round, `status` and the terminal share.

May import: rater_data, rater_data.statistics, rater_data.store.
"""
