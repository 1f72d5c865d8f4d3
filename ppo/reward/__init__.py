"""What people say becomes a reward: one likelihood for scores, thumbs and comparisons, and how sure its head is. Pure.

May import: nothing.
"""
