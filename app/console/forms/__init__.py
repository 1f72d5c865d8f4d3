"""The console's widgets: the page that follows the store, and a module for each form. Every handler checks the role.

May import: app, app.access, app.console.panels, app.console.state, app.rating, app.trainer, rater_data,
rater_data.overview, rater_data.planning, rater_data.store.
"""
