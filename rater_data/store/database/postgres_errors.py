"""PostgreSQL's errors as sentences for a person. What is not explained here is a bug, and is let through."""

import re

import sqlalchemy as sa

from rater_data.errors import Away, BadInput, DiskFull, Unavailable

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_FULL = {"53100"}  # disk_full
_BUSY = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available: we wait for a lock for as long as lock_timeout says
    "53300",  # too_many_connections
    "53200",  # out_of_memory
    "57014",  # query_canceled
}
_SHUTDOWN = {"57P01", "57P02", "57P03"}  # admin_shutdown, crash_shutdown, cannot_connect_now
_AWAY = "refused|No such file|timeout|timed out|starting up|shutting down|in recovery|closed the connection|unreachable"
_NOT_ALLOWED = {"42501", "25006"}  # insufficient_privilege, read_only_sql_transaction
_TOO_LARGE = {"22003"}  # numeric_value_out_of_range
_BAD_CHARACTER = {"22021", "22P05"}  # character_not_in_repertoire, untranslatable_character

_HINTS = (
    ("password|no pg_hba.conf entry|role .* does not exist", "Check the user and the password."),
    ("database .* does not exist", "Make it first, as with createdb."),
    ("refused|No such file|timeout|timed out|resolve", "Check the address, and that the server runs there."),
    ("too many", "Try again in a moment."),
)


def explain_postgres_error(error: sa.exc.DBAPIError, where: str) -> Exception | None:
    """The error as a sentence; None for what no person at the screen can mend."""
    state = getattr(error.orig, "sqlstate", None)
    if state in _FULL:
        return DiskFull(f"There is no room left on the disk of {where}: free some. Nothing was half-written.")
    if state in _BUSY:
        return Unavailable(f"The database at {where} is busy ({_reason(error)}): try again in a moment.")
    if state in _NOT_ALLOWED:
        return Unavailable(
            f"The database at {where} may not be written by this user ({_reason(error)}): "
            "let it own the database, or choose another user."
        )
    if state in _TOO_LARGE:
        return BadInput("A number is too large for the database: check what was given.")
    if state in _BAD_CHARACTER:
        return BadInput(f"A text holds a character that the database cannot keep ({_reason(error)}).")
    lost = state in _SHUTDOWN or (state or "").startswith("08") or error.connection_invalidated
    if lost:
        return Away(f"The database at {where} went away ({_reason(error)}): try again when it is back.")
    if state is None and isinstance(error, sa.exc.OperationalError):
        return _unreachable(error, where)
    return None


def _unreachable(error: sa.exc.OperationalError, where: str) -> Exception:
    reason = _reason(error)
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, reason)), "Check its address.")
    kind = Away if re.search(_AWAY, str(error.orig)) else Unavailable
    return kind(f"The database at {where} cannot be reached: {reason}. {hint}")


def _reason(error: sa.exc.DBAPIError) -> str:
    """The server's own words, in one line."""
    lines = str(error.orig).strip().splitlines()
    line = lines[0] if lines else type(error.orig).__name__
    line = re.sub(r"^connection (failed|is bad): ", "", line)
    return re.sub(r"^.* failed: (FATAL: +)?", "", line).rstrip(".")
