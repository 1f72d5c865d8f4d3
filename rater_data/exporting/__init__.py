"""Files out: the rows of a format become a file or a dataset's folder, whole or not at all.

May import: rater_data, rater_data.exporting.formats, rater_data.statistics, rater_data.store,
rater_data.store.reports.
"""
