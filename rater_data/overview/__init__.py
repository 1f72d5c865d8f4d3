"""How a round stands and how its raters rate, in words that the console, /api/round, `status` and the terminal share.

May import: rater_data, rater_data.statistics, rater_data.store.
"""
