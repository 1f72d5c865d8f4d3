"""The console's panels: records in, HTML out. Every text from outside is escaped here.

May import: app, app.console.state, app.exports, app.trainer, rater_data, rater_data.statistics.
"""
