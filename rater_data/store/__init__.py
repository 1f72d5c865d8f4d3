"""The database behind short methods: `Store` is all that others need of it."""

from rater_data.store.database.addresses import DATABASE
from rater_data.store.store import Store, default_home

__all__ = ["DATABASE", "Store", "default_home"]
