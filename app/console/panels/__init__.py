"""The console's panels: records in, HTML out. Every text from outside is escaped here.

May import: app, app.console.state, rater_data, rater_data.exporting, rater_data.exporting.formats, rater_data.overview,
rater_data.statistics.
"""
