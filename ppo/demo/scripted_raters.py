"""Scripted raters for `python -m ppo demo`: (prompt, response) → a rating on the scale's 1–10.

They stand in for people with a known taste, so that what the ring learns can be measured against the truth.
"""

import math
import re
from collections.abc import Sequence
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from ppo.demo.classifier import ClassifierRater, load_classifier
from rater_data.errors import BadInput
from rater_data.rater_functions import CLASSIFIER_SIGN, ClassifierName, Rater, load_rater_function

BRIEF, WORDS_A_POINT = 15, 1.5  # brevity: words that still earn a 10, and words that cost a point beyond
STOP_WORDS = frozenset(
    """
    a about am an and any are as at be been but by can could did do does for from get give good had has have how i if
    in is it its let make may me might most my need no not of on one or our out should so some tell that the their
    them then there these they this to too up us use want was way we were what when where which who why will with
    would write you your
    """.split()  # noqa: SIM905 - read as words
)

READER_WORDS = re.compile(r"\b(?:you|your|yours|yourself)\b", re.IGNORECASE)
LIST_LINES = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+\S", re.MULTILINE)


def brevity(prompt: str, response: str) -> float:
    """10 up to 15 words, then a point less for every one and a half words."""
    return 10 - max(0, len(response.split()) - BRIEF) / WORDS_A_POINT


def warmth(prompt: str, response: str) -> float:
    """VADER's sentiment (Hutto & Gilbert 2014), −1…1, as 0…10: 5 is neutral."""
    return 5 + 5 * _vader().polarity_scores(response)["compound"]


def on_topic(prompt: str, response: str) -> float:
    """The share of the prompt's content words that the response takes up."""
    wanted = _content_words(prompt)
    return 1 + 9 * len(wanted & _content_words(response)) / len(wanted) if wanted else 5.5


def to_reader(prompt: str, response: str) -> float:
    """1, and 3 points for every word that means the reader."""
    return 1 + 3 * len(READER_WORDS.findall(response))


def lists(prompt: str, response: str) -> float:
    """1, and 1.5 points for every item of a list, on a line of its own or parted by a comma or semicolon."""
    return 1 + 1.5 * (len(LIST_LINES.findall(response)) + response.count(",") + response.count(";"))


def plain_words(prompt: str, response: str) -> float:
    """10 for words of 3.6 letters on average, and 4 points less for every letter more."""
    words = re.findall(r"[^\W\d_]+", response)
    return 10 - 4 * max(0.0, sum(map(len, words)) / len(words) - 3.6) if words else 1.0


def _content_words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{2,}", text.lower())) - STOP_WORDS


@cache
def _vader() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()


BUILT_IN: dict[str, Rater] = {
    "brevity": brevity,
    "warmth": warmth,
    "on-topic": on_topic,
    "to-reader": to_reader,
    "lists": lists,
    "plain-words": plain_words,
}


def ratings_of(rater: Rater, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """What a rater thinks of (prompt, response) pairs, all at once where it can do that.

    Raises BadInput where a function gives no number.
    """
    if isinstance(rater, ClassifierRater):
        return rater.rate_all(pairs)
    try:
        ratings = [float(rater(prompt, response)) for prompt, response in pairs]
    except (TypeError, ValueError) as error:
        raise BadInput(f"The rater's function has to give a number: {error}.") from error
    if any(math.isnan(rating) for rating in ratings):
        raise BadInput("The rater's function gave NaN; it has to give a number.")
    return ratings


def load_rater(name: str, device: str = "auto", *, plain: bool = False) -> Rater:
    """A built-in rater's name, FILE.py:FUNCTION or hf:MODEL:LABEL. Raises BadInput or Missing with a sentence.

    A classifier is loaded on `device`; `plain`: it reads a prompt with its continuation, and else the response alone.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name.startswith(CLASSIFIER_SIGN):
        return ClassifierRater(load_classifier(ClassifierName.parse(name), device), plain)
    if not name.rpartition(":")[0].endswith(".py"):
        raise BadInput(
            f"--rater {name} is neither one of {', '.join(BUILT_IN)} nor FILE.py:FUNCTION nor hf:MODEL:LABEL."
        )
    return load_rater_function(name)
