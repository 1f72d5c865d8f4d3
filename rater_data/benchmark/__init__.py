"""How long people wait for a store of many ratings: a synthetic store of any size, and what is timed on it.

May import: rater_data, rater_data.exporting, rater_data.importing, rater_data.statistics, rater_data.store,
rater_data.store.database.
"""
