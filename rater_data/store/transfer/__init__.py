"""What comes into a store as a whole: the rows of an import, and the copy of another store.

May import: rater_data, rater_data.store.database, rater_data.store.people, rater_data.store.rounds.
"""
