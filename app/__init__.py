"""What people touch: the rating screen, the operator console, the JSON routes, the server.

The ground that every room may import: settings, static_files, safe_html, wording, sample_comparison, api_schemas.
On top of the rooms: startup, port, api, api_errors, server, cli.

May import: app.access, app.benchmark, app.console, app.console.state, app.exports, app.rating, app.trainer, rater_data,
rater_data.importing, rater_data.store.
"""
