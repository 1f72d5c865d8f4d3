"""What the console knows and does, as plain functions: the round, the next step, actions. No widgets, no HTML.

May import: app, rater_data, rater_data.importing, rater_data.overview, rater_data.planning, rater_data.statistics,
rater_data.store, rater_data.store.cards.
"""
