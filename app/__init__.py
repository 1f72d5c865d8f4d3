"""What people touch: the rating screen, the operator console, the JSON routes, the server.

May import: app.access, app.benchmark, app.console, app.exports, app.rating, app.trainer, rater_data,
rater_data.importing, rater_data.store.
"""
