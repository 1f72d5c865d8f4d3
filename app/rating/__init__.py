"""The rating screen: what it shows, what a rater decides, what is asked beside the score, and its page.

May import: app, rater_data, rater_data.overview, rater_data.store, rater_data.store.cards.
"""
