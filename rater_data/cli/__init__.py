"""The commands of `python -m rater_data`: one module per command, what they share in `common`, the entry in `main`.

May import: rater_data, rater_data.artifacts, rater_data.benchmark, rater_data.exporting, rater_data.exporting.formats,
rater_data.importing, rater_data.importing.layouts, rater_data.importing.readers, rater_data.overview,
rater_data.statistics, rater_data.store, rater_data.store.people, rater_data.store.transfer, rater_data.verify.
"""
