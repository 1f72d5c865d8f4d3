"""The layout `labelstudio`: Label Studio's exports JSON, JSON_MIN, CSV and TSV, with stars (Rating) or Pairwise.

A task's fields are what the project named them: prompt, response (or question, answer), answer1 and answer2; `--map`
takes others. Stars are 1 to 5 unless `--scores` says more. Cancelled annotations, predictions and results of other
kinds are left out; a text area is the comment.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.cells.chats import parse_list
from rater_data.importing.cells.values import parse_decimal, parse_rater
from rater_data.importing.layouts.base import PROMPT_NAMES, Layout, ParsedRows, ParseOptions, row_of_fields
from rater_data.importing.layouts.preferences import preference_of
from rater_data.importing.layouts.prompts import parse_prompt
from rater_data.importing.layouts.ratings import parse_response_text
from rater_data.importing.layouts.records import BadRow, IgnoredRow, Preference, Record, ScoredResponse
from rater_data.importing.readers.row import Row

STARS = (1.0, 5.0)
SIDES = ("left", "right")
PAIRS = (
    *(("answer1", "answer2"), ("answer_1", "answer_2"), ("answer_a", "answer_b"), ("option1", "option2")),
    *(
        ("response1", "response2"),
        ("response_1", "response_2"),
        ("response_a", "response_b"),
        ("text1", "text2"),
    ),
    *(("completion1", "completion2"), ("completion_a", "completion_b"), ("left", "right")),
)
"""What the two texts of a pair are called, left and right, where the result does not say."""
RATING_NAMES = ("rating", "score", "stars", "quality", "overall")


def _parse_rows(rows: Iterable[Row], options: ParseOptions) -> ParsedRows:
    for row in rows:
        if row.fault:
            yield row, BadRow(row.fault)
            continue
        try:
            if isinstance(row.values.get("annotations"), list):
                yield from ((row, record) for record in _parse_task(row, options))
            else:
                yield row, _parse_flat(row, options)
        except BadInput as error:
            yield row, BadRow(str(error))


def _parse_task(row: Row, options: ParseOptions) -> list[Record]:
    """What the annotations of a task say."""
    fields = row_of_fields(row, row.values.get("data"), options)
    found: list[Record] = []
    for annotation in row.values["annotations"]:
        if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
            raise BadInput("an annotation has to be an object with a list of results")
        if annotation.get("was_cancelled") is True:
            found.append(IgnoredRow("annotations that were cancelled"))
            continue
        results = [result for result in annotation["result"] if isinstance(result, dict)]
        rater = _annotator(row, annotation.get("completed_by"))
        found.append(_parse_results(fields, results, rater, options))
    return found or [IgnoredRow("tasks without an annotation")]


def _parse_results(fields: Row, results: list[dict[str, Any]], rater: str, options: ParseOptions) -> Record:
    comment = next((_comment(result) for result in results if result.get("type") == "textarea"), "")
    for result in results:
        if result.get("type") == "pairwise":
            return _preference(fields, result.get("value"), result.get("to_name"), rater, comment, options)
    stars = {
        str(result.get("from_name")): result.get("value")
        for result in results
        if result.get("type") == "rating"
    }
    if not stars:
        return IgnoredRow("annotations without stars or a choice of two")
    return _rating(fields, stars, rater, comment, options)


def _parse_flat(row: Row, options: ParseOptions) -> Record:
    """A row of JSON_MIN or CSV: the fields and the results beside each other, each under its name."""
    fields = row_of_fields(row, row.values, options)
    rater = _annotator(row, row.first("annotator"))
    comment = row.first("comment")
    comment = comment if isinstance(comment, str) else ""
    pair = next((pair for pair in PAIRS if set(pair) <= set(fields.values)), ())
    for name, value in row.values.items():
        if pair and name not in (*pair, "prompt", *PROMPT_NAMES) and _side(value) is not None:
            return _preference(fields, value, ",".join(pair), rater, comment, options)
    stars = {name: row.values[name] for name in RATING_NAMES if row.first(name) is not None}
    stars = {"rating": fields.first("rating")} if not stars and fields.first("rating") is not None else stars
    if not stars:
        return IgnoredRow("annotations without stars or a choice of two")
    return _rating(fields, stars, rater, comment, options)


def _rating(
    fields: Row, stars: dict[str, Any], rater: str, comment: str, options: ParseOptions
) -> ScoredResponse:
    """The stars named rating (or the like) are the score; any others are further qualities."""
    wanted = options.columns.get("rating")
    main = next((name for name in (wanted, *RATING_NAMES) if name in stars), None)
    if main is None and len(stars) > 1:
        raise BadInput(
            f"there are stars {', '.join(sorted(stars))}: say with --map rating=NAME which are the score"
        )
    main = main or next(iter(stars))
    values = {name: _stars(value) for name, value in stars.items()}
    score_range = options.score_range or STARS
    if values[main] > score_range[1]:
        raise BadInput(
            f"the score {values[main]:g} is more than {score_range[1]:g} stars: say how many with --scores"
        )
    return ScoredResponse(
        prompt=parse_prompt(fields, options, "train"),
        response=parse_response_text(fields),
        score=values.pop(main),
        rater=rater,
        comment=comment,
        attributes=values,
        score_range=score_range,
    )


def _preference(
    fields: Row, value: Any, names: Any, rater: str, comment: str, options: ParseOptions
) -> Preference | IgnoredRow:
    side = _side(value)
    if side is None:
        return IgnoredRow("pairs of which none was chosen")
    said = [name.strip().lower() for name in names.split(",")] if isinstance(names, str) else []
    pair = next((pair for pair in (said, *PAIRS) if len(pair) == 2 and set(pair) <= set(fields.values)), None)
    if pair is None:
        listed = ", ".join(checks.quoted(name) for name in list(fields.values)[:12])
        raise BadInput(
            f"the two texts of the pair are not there: call them answer1 and answer2; there are {listed}"
        )
    left, right = (fields.values[name] for name in pair)
    chosen, rejected = (left, right) if side == "left" else (right, left)
    answered = replace(fields, values={**fields.values, "rater": rater, "comment": comment})
    return preference_of(answered, parse_prompt(fields, options, "train"), chosen, rejected)


def _side(value: Any) -> str | None:
    """left or right, as the exports write it: bare, as an object, in a list, or any of these as JSON."""
    value = _unwrapped(value, "selected")
    return value if isinstance(value, str) and value in SIDES else None


def _stars(value: Any) -> float:
    value = parse_decimal("score", _unwrapped(value, "rating"))
    checks.number("the score", value)
    return float(value)


def _unwrapped(value: Any, key: str) -> Any:
    if isinstance(value, str) and value.startswith(("[", "{")):
        value = parse_list(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.get(key) if isinstance(value, dict) else value


def _comment(result: dict[str, Any]) -> str:
    value = result.get("value")
    text = value.get("text") if isinstance(value, dict) else None
    parts = text if isinstance(text, list) else [text]
    return "\n".join(part for part in parts if isinstance(part, str))


def _annotator(row: Row, person: Any) -> str:
    """Their address, or their number where the export has no more."""
    if isinstance(person, dict):
        person = person.get("email") or person.get("username") or person.get("id")
    return parse_rater(Row(file=row.file, line=row.line, values={"rater": person}))


def _matches(row: Row, columns: set[str]) -> bool:
    return (
        isinstance(row.values.get("annotations"), list)
        or {"annotator", "annotation_id", "lead_time"} <= columns
    )


LABEL_STUDIO = Layout(
    name="labelstudio", holds="ratings", parse_rows=_parse_rows, matches=_matches, maps_columns=False
)
