"""What a round with given settings will take: minutes, memory, people's hours; presets, and what a change changes.

May import: rater_data, rater_data.store.
"""
