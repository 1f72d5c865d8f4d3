"""What people touch: the rating screen, the operator console, the JSON routes, the server.

The ground that every room may import: settings, static_files, safe_html, sample_comparison, api_schemas.
Above the rooms: startup, port, api, api_errors, round_schemas, server, cli_options and cli, which put them together.

May import: rater_data, rater_data.store.
"""
