"""The database under the store: addresses, engine and transactions, tables, migrations, rows to records and back.

May import: rater_data.
"""
