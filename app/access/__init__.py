"""Who may do what: invite links, signed session cookies, tokens, roles, and the checks around every route.

May import: app, rater_data, rater_data.store.
"""
