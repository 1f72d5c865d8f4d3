"""The trainer's process: started with the server, watched, started again when it dies, ended with the server.

May import: app, rater_data, rater_data.overview.
"""
