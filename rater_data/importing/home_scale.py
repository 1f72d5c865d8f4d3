"""Scores and preferences of a file become ratings of this home, whatever its scale.

On a scale of points a preference is two ratings, worth what the operator says, and a score in another range lies as far
between the ends. Where raters compare, scores become comparisons of neighbours: of the responses to one prompt that
stand together in the file, each with the one before it.
"""

import math
from collections.abc import Iterator

from rater_data.errors import BadInput, Refused
from rater_data.importing.layouts.cells import (
    FIRST_BETTER,
    SECOND_BETTER,
    Found,
    How,
    Preferred,
    Scored,
    Thing,
    Wrong,
)
from rater_data.importing.layouts.records import ImportedRating, ImportedResponse
from rater_data.importing.readers.text_files import Row
from rater_data.records import Prompt

ALONE = "there is no other response to this prompt beside it that it could be compared with"


def settle(found: Found, how: How) -> Found:
    """The same, with ratings in place of scores and preferences."""
    return _compared(found, how) if how.scale.paired else _scored(found, how)


def _scored(found: Found, how: How) -> Found:
    for row, thing in found:
        try:
            if isinstance(thing, Scored):
                yield row, _point(thing, how)
            elif isinstance(thing, Preferred):
                yield row, tuple(_two(thing, how))
            else:
                yield row, thing
        except BadInput as error:
            yield row, Wrong(str(error))


def _point(one: Scored, how: How) -> ImportedRating:
    return ImportedRating(
        response=ImportedResponse(prompt=one.prompt, text=one.response),
        score=_on_scale(one.value, one.scores or how.scores, how),
        scale=how.scale.name,
        rater=one.rater,
        comment=one.comment,
        attributes=one.attributes,
    )


def _on_scale(value: float, scores: tuple[float, float] | None, how: How) -> float:
    """The nearest point of the home's scale to a score that lies between the ends of another range."""
    scale = how.scale
    if scores is None:
        return scale.check(value)
    low, high = scores
    if not low <= value <= high:
        raise BadInput(f"the score {value:g} is outside {low:g}–{high:g}")
    share = (value - low) / (high - low)
    return scale.check(
        scale.low + math.floor(share * (scale.high - scale.low) / scale.step + 0.5) * scale.step
    )


def _two(one: Preferred, how: How) -> Iterator[ImportedRating]:
    if how.chosen is None or how.rejected is None:
        raise Refused(
            f"Raters of this home give scores ({how.scale.name}): say what chosen and rejected are worth with "
            "--chosen-score and --rejected-score, or import into a home whose scale is pair."
        )
    for text, score in ((one.chosen, how.chosen), (one.rejected, how.rejected)):
        yield ImportedRating(
            response=ImportedResponse(prompt=one.prompt, text=text),
            score=how.scale.check(score),
            scale=how.scale.name,
            rater=one.rater,
            comment=one.comment,
        )


def _compared(found: Found, how: How) -> Found:
    before: tuple[Row, Scored] | None = None
    alone = False
    for row, thing in found:
        if isinstance(thing, Scored):
            if before is not None and _same(before[1], thing):
                yield row, _neighbours(before[1], thing, how)
                alone = False
            else:
                if before is not None and alone:
                    yield before[0], Wrong(ALONE)
                alone = True
            before = row, thing
        elif isinstance(thing, Preferred):
            yield row, _either(thing, how)
        else:
            yield row, thing
    if before is not None and alone:
        yield before[0], Wrong(ALONE)


def _same(one: Scored, other: Scored) -> bool:
    return (one.prompt.messages, one.rater) == (other.prompt.messages, other.rater)


def _neighbours(first: Scored, second: Scored, how: How) -> Thing:
    if first.response == second.response:
        return Wrong("this response is the same as the one before it")
    score = float((second.value > first.value) - (second.value < first.value))
    try:
        return _comparison(first.prompt, first.response, second.response, score, second, how)
    except BadInput as error:
        return Wrong(str(error))


def _either(one: Preferred, how: How) -> Thing:
    try:
        return _comparison(one.prompt, one.chosen, one.rejected, FIRST_BETTER, one, how)
    except BadInput as error:
        return Wrong(str(error))


def _comparison(
    prompt: Prompt, first: str, second: str, score: float, said: Scored | Preferred, how: How
) -> ImportedRating:
    assert score in (FIRST_BETTER, 0.0, SECOND_BETTER)
    return ImportedRating(
        response=ImportedResponse(prompt=prompt, text=first),
        other=ImportedResponse(prompt=prompt, text=second),
        score=score,
        scale=how.scale.name,
        rater=said.rater,
        comment=said.comment,
    )
