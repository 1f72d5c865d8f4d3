"""What the drivers of object stores raise, as sentences for a person.

Each driver has classes of its own (botocore's, aiohttp's, Google's), none of which is imported here: a driver need not
be installed. So an error is told by what it is in Python where it is that, and by its name and its words otherwise.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from rater_data.errors import Away, BadInput, DiskFull, Missing, RateloopError

_BUGS = (TypeError, AttributeError, NameError, AssertionError, NotImplementedError, ImportError)
_CREDENTIALS = re.compile(
    r"credential|access ?denied|forbidden|unauthori[sz]ed|invalidaccesskey|signaturedoesnotmatch|expiredtoken|"
    r"authentication|permission|\b40[13]\b",
    re.IGNORECASE,
)
_FULL = re.compile(r"quota|no space|storage ?full|insufficient ?storage|\b507\b", re.IGNORECASE)
_NO_BUCKET = re.compile(r"no ?such ?bucket|bucket does not exist|not ?found|\b404\b", re.IGNORECASE)


@contextmanager
def explain_driver_errors(location: str) -> Iterator[None]:
    """Turns what a driver raises into DiskFull, BadInput, Missing or Away; lets bugs through."""
    try:
        yield
    except (RateloopError, *_BUGS):
        raise
    except Exception as error:  # see above: their classes have nothing in common
        raise explain(error, location) from error


def explain(error: Exception, location: str) -> RateloopError:
    """One error as a sentence; what is not known is taken for a store that is away, so it is tried again."""
    words = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
    told = f"{type(error).__name__} {words}"
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT) or _FULL.search(told):
        return DiskFull(f"There is no room left in the artifact store {location} ({words}): free some.")
    if isinstance(error, PermissionError) or _CREDENTIALS.search(told):
        return BadInput(
            f"The artifact store {location} does not let us in ({words}): check the credentials of this machine, and "
            "that they may read, write, list and remove there."
        )
    if isinstance(error, FileNotFoundError) or _NO_BUCKET.search(told):
        return Missing(
            f"There is no such place in the artifact store {location} ({words}): make the bucket first."
        )
    return Away(f"The artifact store {location} does not answer ({words}): try again when it is back.")
