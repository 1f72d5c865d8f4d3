"""Is a home, or an exported dataset, what it says? Rows, hashes, files and numbers are checked from the raw tables.

What is counted anew is counted without the code that it checks.

May import: rater_data, rater_data.artifacts, rater_data.importing.layouts, rater_data.importing.readers,
rater_data.statistics, rater_data.store, rater_data.store.database, rater_data.store.rounds.
"""
