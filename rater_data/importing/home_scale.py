"""Scores and preferences of a file become ratings on the home's scale.

On a scale of points a preference is two ratings, worth what the operator says, and a score in another range lies as far
between the ends. Where raters compare, scores become comparisons of neighbours: of the responses to one prompt that
stand together in the file, each with the one before it.
"""

import math
from collections.abc import Iterator

from rater_data.errors import BadInput, Refused
from rater_data.importing.layouts.base import ParsedRows, ParseOptions
from rater_data.importing.layouts.records import (
    BadRow,
    ImportedRating,
    ImportedResponse,
    Preference,
    Record,
    ScoredResponse,
)
from rater_data.importing.readers.row import Row
from rater_data.records import Prompt
from rater_data.scales import Scale

FIRST_BETTER, TIE, SECOND_BETTER = -1.0, 0.0, 1.0
NO_NEIGHBOUR = "there is no other response to this prompt beside it that it could be compared with"


def to_ratings(parsed: ParsedRows, options: ParseOptions) -> ParsedRows:
    """The same, with ratings in place of scores and preferences."""
    return _comparisons(parsed, options) if options.scale.paired else _points(parsed, options)


# ---- a scale of points


def _points(parsed: ParsedRows, options: ParseOptions) -> ParsedRows:
    for row, record in parsed:
        try:
            if isinstance(record, ScoredResponse):
                yield row, _point(record, options)
            elif isinstance(record, Preference):
                yield row, tuple(_two_points(record, options))
            else:
                yield row, record
        except BadInput as error:
            yield row, BadRow(str(error))


def _point(scored: ScoredResponse, options: ParseOptions) -> ImportedRating:
    return ImportedRating(
        response=ImportedResponse(prompt=scored.prompt, text=scored.response),
        score=_point_of(scored, options),
        scale=options.scale.name,
        rater=scored.rater,
        comment=scored.comment,
        attributes=scored.attributes,
    )


def _point_of(scored: ScoredResponse, options: ParseOptions) -> float:
    score_range = scored.score_range or options.score_range
    if not isinstance(scored.score, bool):
        return _to_scale(scored.score, score_range, options.scale)
    worth = options.chosen_score if scored.score else options.rejected_score
    if worth is not None:
        return options.scale.check(worth)
    if score_range is None and len(options.scale.points) > 2:
        raise BadInput(
            f"the score is a thumb, true or false, and raters of this home give numbers ({options.scale.name}): say "
            "what thumbs are worth with --chosen-score and --rejected-score"
        )
    return float(options.scale.high if scored.score else options.scale.low)


def _to_scale(score: float, score_range: tuple[float, float] | None, scale: Scale) -> float:
    """The nearest point of the scale to a score that lies between the ends of another range."""
    if score_range is None:
        return scale.check(score)
    low, high = score_range
    if not low <= score <= high:
        raise BadInput(f"the score {score:g} is outside {low:g}–{high:g}")
    share = (score - low) / (high - low)
    return scale.check(
        scale.low + math.floor(share * (scale.high - scale.low) / scale.step + 0.5) * scale.step
    )


def _two_points(preference: Preference, options: ParseOptions) -> Iterator[ImportedRating]:
    """Both ratings, worth what the operator says, or what the row does."""
    chosen, rejected = (
        said if said is not None or own is None else _to_scale(own, options.score_range, options.scale)
        for said, own in (
            (options.chosen_score, preference.chosen_score),
            (options.rejected_score, preference.rejected_score),
        )
    )
    if chosen is None or rejected is None:
        raise Refused(
            f"Raters of this home give scores ({options.scale.name}): say what chosen and rejected are worth with "
            "--chosen-score and --rejected-score, or import into a home whose scale is pair."
        )
    for text, score in ((preference.chosen, chosen), (preference.rejected, rejected)):
        yield ImportedRating(
            response=ImportedResponse(prompt=preference.prompt, text=text),
            score=options.scale.check(score),
            scale=options.scale.name,
            rater=preference.rater,
            comment=preference.comment,
        )


# ---- comparisons


def _comparisons(parsed: ParsedRows, options: ParseOptions) -> ParsedRows:
    previous: tuple[Row, ScoredResponse] | None = None
    is_alone = False  # nothing is compared with the previous response so far
    for row, record in parsed:
        if isinstance(record, ScoredResponse):
            if previous is not None and _are_comparable(previous[1], record):
                yield row, _compare_neighbours(previous[1], record, options)
                is_alone = False
            else:
                if previous is not None and is_alone:
                    yield previous[0], BadRow(NO_NEIGHBOUR)
                is_alone = True
            previous = row, record
        elif isinstance(record, Preference):
            yield (
                row,
                _comparison(record.prompt, record.chosen, record.rejected, FIRST_BETTER, record, options),
            )
        else:
            yield row, record
    if previous is not None and is_alone:
        yield previous[0], BadRow(NO_NEIGHBOUR)


def _are_comparable(first: ScoredResponse, second: ScoredResponse) -> bool:
    return (first.prompt.messages, first.rater) == (second.prompt.messages, second.rater)


def _compare_neighbours(first: ScoredResponse, second: ScoredResponse, options: ParseOptions) -> Record:
    if first.response == second.response:
        return BadRow("this response is the same as the one before it")
    score = float((second.score > first.score) - (second.score < first.score))
    return _comparison(first.prompt, first.response, second.response, score, second, options)


def _comparison(
    prompt: Prompt,
    first: str,
    second: str,
    score: float,
    judgement: ScoredResponse | Preference,
    options: ParseOptions,
) -> ImportedRating | BadRow:
    """The rating of two responses by whoever made the judgement, whose comment it has."""
    assert score in (FIRST_BETTER, TIE, SECOND_BETTER)
    try:
        return ImportedRating(
            response=ImportedResponse(prompt=prompt, text=first),
            other=ImportedResponse(prompt=prompt, text=second),
            score=score,
            scale=options.scale.name,
            rater=judgement.rater,
            comment=judgement.comment,
        )
    except BadInput as error:
        return BadRow(str(error))
