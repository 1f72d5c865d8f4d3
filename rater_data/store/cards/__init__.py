"""Cards: which response a rater sees next, who holds it until when, and what they said of it.

May import: rater_data, rater_data.store.database, rater_data.store.rounds.
"""
