"""What is known, in a database: `Store` joins the rooms below and is all that others need of them.

May import: rater_data, rater_data.store.cards, rater_data.store.database, rater_data.store.people,
rater_data.store.reports, rater_data.store.rounds, rater_data.store.transfer.
"""

from rater_data.store.database.addresses import DATABASE
from rater_data.store.patient_store import PatientStore
from rater_data.store.store import Store, default_home

__all__ = ["DATABASE", "PatientStore", "Store", "default_home"]
