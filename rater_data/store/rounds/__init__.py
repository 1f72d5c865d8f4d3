"""What moves a round: events, settings, prompts, versions, the states of a round, seals and snapshots, jobs.

May import: rater_data, rater_data.store.database.
"""
