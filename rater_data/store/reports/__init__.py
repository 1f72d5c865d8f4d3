"""What is read in bulk and never changed: rows of exports, how raters work, how far rounds were rated.

May import: rater_data, rater_data.statistics, rater_data.store.database, rater_data.store.rounds.
"""
