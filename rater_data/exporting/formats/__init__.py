"""What the rows of an export are: one module per format, `table`, which lists them, and the request that names one.

May import: rater_data, rater_data.statistics, rater_data.store, rater_data.store.reports.
"""
