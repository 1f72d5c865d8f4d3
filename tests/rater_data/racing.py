"""What two processes of a test do at once: a module that imports little, so that they are soon there."""

import contextlib
import os
import random
import time

from rater_data.errors import Busy
from rater_data.store import Store

RACED = 20  # jobs, one after the other, for each of which all are waiting


def open_and_claim(home, url, together, found):
    """Opens a database that has no tables yet, and claims one job after the other; tells which it had.

    `together`: a barrier, before the one and before the other.
    """
    me, mine = f"{os.getpid()}", []
    together.wait(60)
    store = Store.open(home, url)
    together.wait(60)
    with contextlib.suppress(Busy):
        store.enqueue("try", {})
    while store.newest_job("try").id < RACED:
        if (job := store.claim(me)) is not None:
            mine.append(job.id)
            store.finish(job.id, me)
            store.enqueue("try", {})
            time.sleep(random.uniform(0, 0.005))  # or one might have them all
    found.put(mine)
    store.close()
