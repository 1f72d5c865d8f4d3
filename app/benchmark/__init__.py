"""What raters wait for and what survives a kill: `python -m app bench` and `simulate`, on servers of their own.

May import: app.access, rater_data, rater_data.benchmark, rater_data.store.
"""
