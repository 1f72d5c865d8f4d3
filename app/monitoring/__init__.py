"""What a platform asks the server: is it alive, is it healthy, and numbers for Prometheus.

May import: app.access, app.trainer, rater_data, rater_data.store.
"""
