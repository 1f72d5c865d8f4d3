"""What a person will read. Every message is a sentence: what came, what was wanted, what to do."""

NOTHING_IMPORTED = "Nothing of the file was imported."
"""How every refusal of an import ends."""


class RateloopError(Exception):
    """The root of all errors whose text is meant for a person; anything else that escapes is a bug."""


class BadInput(RateloopError):
    """What was given cannot be used as it is."""


class NotYours(RateloopError):
    """The card, job or link belongs to somebody else, or to nobody."""


class LeaseExpired(RateloopError):
    """The rater held this card, but for too long: it went to somebody else."""


class AlreadyRated(RateloopError):
    """This rater has a current rating on this response already."""


class Missing(RateloopError):
    """There is no such prompt, person, round, version or job."""


class Busy(RateloopError):
    """Somebody else is at it right now; try again later."""


class Refused(RateloopError):
    """The thing asked for does not fit the state it is in."""


class TooNew(RateloopError):
    """The home folder was written by a newer version of this program."""


class Unavailable(RateloopError):
    """The database cannot be used just now, whoever asks and whatever they ask: what was asked may be asked again."""


class Away(Unavailable):
    """The database or the artifact store does not answer: it is being started again, or the network is cut."""


class DiskFull(Unavailable):
    """There is no room left; nothing was half-written."""
