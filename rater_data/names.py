"""People's names: how they are written, and when two of them are one person's."""

from rater_data import checks
from rater_data.errors import BadInput

LONGEST_NAME = 80  # letters
LONGEST_INVITED_NAME = (
    60  # letters, of who is invited by the console or the API; names in files may be longer
)


def clean_name(name: str) -> str:
    """The name with single blanks between its words."""
    return " ".join(name.split())


def name_key(name: str) -> str:
    """What makes two names one person's: neither case nor extra blanks do."""
    return clean_name(name).casefold()


def check_name(name: str, what: str = "A name") -> None:
    """Raises BadInput for what cannot be anybody's name."""
    checks.text(what, name, empty=False)
    letters = len(clean_name(name))
    if letters > LONGEST_NAME:
        raise BadInput(f"A name has at most {LONGEST_NAME} letters; this one has {letters}.")
