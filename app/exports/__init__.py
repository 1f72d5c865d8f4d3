"""Downloads of ratings and adapters: written aside, watched while they are written, sent once.

May import: app, app.access, rater_data, rater_data.artifacts, rater_data.exporting, rater_data.exporting.formats,
rater_data.store.
"""
