"""A store that waits for a database that is away: for the trainer, which has nobody waiting for its answer."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from rater_data.errors import Away
from rater_data.store.database.patience import Patience
from rater_data.store.store import Store

TRIES = 5  # of a transaction that is cut off in the middle; between two of them the database is waited for


class PatientStore(Store):
    """What was begun and cut off is done again: one method is one transaction, and it left nothing behind.

    Opening it waits for nothing, so that a wrong address is told at once; `wait_for_the_database` comes after.
    """

    def wait_for_the_database(self, seconds: float) -> None:
        """From now on its methods wait so long before they raise Unavailable."""
        self.patience = Patience(seconds)


def _tried_again(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: PatientStore, *arguments: Any, **named: Any) -> Any:
        for _ in range(TRIES - 1 if self.patience.seconds else 0):
            try:
                return method(self, *arguments, **named)
            except Away:
                continue
        return method(self, *arguments, **named)

    return call


# A method that yields runs in its caller's hands, and nobody but the caller can run it again
for _name, _method in inspect.getmembers(Store, inspect.isfunction):
    if not _name.startswith("_") and not inspect.isgeneratorfunction(inspect.unwrap(_method)):
        setattr(PatientStore, _name, _tried_again(_method))
