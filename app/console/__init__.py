"""The operator's console: one page of tabs, put together from the rooms below it.

May import: app, app.access, app.console.forms, app.console.panels, app.console.state, app.trainer,
rater_data.store.
"""
