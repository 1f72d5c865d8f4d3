"""What ratings say: how far raters agree, what their habits are, whether a version helped, with intervals.

May import: rater_data.
"""
