"""What a platform asks the server (is it alive, is it healthy, numbers for Prometheus), and what it is told unasked.

May import: app.access, app.trainer, rater_data, rater_data.overview, rater_data.store.
"""
