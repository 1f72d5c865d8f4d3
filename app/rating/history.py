"""A rater's own ratings, as they see them: each as it was given, and the latest ones with their texts."""

from __future__ import annotations

from typing import Any

from app.rating.better_answers import recent_edit_json
from app.safe_html import display_text
from rater_data.records import RatedResponse, Rating, User
from rater_data.round_settings import is_continuation, joined_text
from rater_data.scales import SCALES, VERDICTS, Scale
from rater_data.store import Store

RECENT_RATINGS = 10
FEWEST_REPEATS = 4  # of fewer nothing is worth saying
MAX_RECENT_TEXT = 2_000  # characters of each of them: enough to know it again


def rating_json(rating: Rating) -> dict[str, Any]:
    scale = SCALES[rating.scale]
    score = mirror_score(rating.score, rating.swapped)
    return {
        "rating_id": rating.id,
        "response_id": rating.response_id,
        "score": score,
        "verdict": rating.verdict,
        "mark": None if score is None else scale.mark(score),
        "words": answer_words(score, rating.verdict, scale),
        "comment": rating.comment,
        "flags": list(rating.flags),
        "attributes": dict(rating.attributes),
        "key": rating.key,
    }


def recent_ratings(store: Store, user: User) -> list[dict[str, Any]]:
    """The latest ones, newest first, with whether they can still be changed."""
    recent = store.recent(user.id, n=RECENT_RATINGS)
    numbers = {rated.response.round_number for rated in recent}
    rounds = {number: store.round(number) for number in numbers}
    continued = {number for number, round_ in rounds.items() if round_ and is_continuation(round_.config)}
    changeable = store.changeable(rated.rating for rated in recent)
    own = store.own_edits(user.id, [i for rated in recent for i in shown_ids(rated.rating)])
    return [
        rating_json(rated.rating)
        | {
            **prompt_json(rated, rated.response.round_number in continued),
            **displayed_texts(store, rated),
            "round": rated.response.round_number,
            "submitted_at": rated.rating.submitted_at,
            "editable": rated.rating.id in changeable,
            "edits": [
                recent_edit_json(i, own.get(i), rated.rating.id in changeable, MAX_RECENT_TEXT)
                for i in shown_ids(rated.rating)
            ],
        }
        for rated in recent
    ]


def consistency_sentence(store: Store, user: User) -> str | None:
    """How often this rater said the same of an answer that they saw again; None of few. No answer is named.

    It reads all their ratings of such answers: for when a page is loaded, not for every card.
    """
    repeats = store.rater_repeats(user.id).get(user.id)
    if repeats is None or repeats.times < FEWEST_REPEATS:
        return None
    scale = store.scale()
    same = {"pair": "the same answer", "thumbs": "the same score"}.get(
        scale.name, "the same score, or one beside it,"
    )
    shown = "two answers side by side" if scale.paired else "an answer"
    return f"You gave {same} {repeats.near} of the {repeats.times} times that you saw {shown} again."


def prompt_json(rated: RatedResponse, continued: bool) -> dict[str, Any]:
    """The prompt by its last message; of a text that was continued, all that was given."""
    prompt = rated.prompt
    return {"prompt": joined_text(prompt.chat) if continued else prompt.text, "continuation": continued}


def displayed_texts(store: Store, rated: RatedResponse) -> dict[str, str | None]:
    """What was rated, in the order in which it was shown: `other` is the second of two."""
    rating = rated.rating
    if rating.other_id is None:
        return {"text": display_text(rated.response.text, MAX_RECENT_TEXT), "other": None}
    texts = (rated.response.text, store.response(rating.other_id).text)
    pair = [display_text(text, MAX_RECENT_TEXT) for text in texts]
    first, second = reversed(pair) if rating.swapped else pair
    return {"text": first, "other": second}


def shown_ids(rating: Rating) -> list[int]:
    """The responses that were rated, in the order in which they were shown."""
    ids = [rating.response_id] if rating.other_id is None else [rating.response_id, rating.other_id]
    return ids[::-1] if rating.swapped else ids


def mirror_score(score: float | None, swapped: bool) -> float | None:
    """A comparison's score as its rater saw the two responses, from the stored one; and the other way round."""
    return -score if score and swapped else score


def answer_words(score: float | None, verdict: str, scale: Scale) -> str:
    if verdict != "rated" or score is None:
        return VERDICTS[verdict].label
    return scale.words(score)
