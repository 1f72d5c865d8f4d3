"""The layout `argilla`: Argilla's records, with a rating or a ranking by each of their users.

Exports of version 2 are read nested (`fields`, `responses`) and flat (`quality.responses`, `.users`, `.status`), those
of version 1 as they are on the hub (a list of {user_id, value, status} under the question's name). Only submitted
responses count. A ranking is one by the names of the fields: its first is worth 1, its last 0, or each is compared with
its neighbour. `--map rating=quality` says which question is the score.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.cells.values import SCORE_COLUMNS, parse_rater
from rater_data.importing.layouts.base import Layout, ParsedRows, ParseOptions, row_of_fields
from rater_data.importing.layouts.prompts import parse_prompt
from rater_data.importing.layouts.ratings import parse_response_text
from rater_data.importing.layouts.records import BadRow, IgnoredRow, Record, ScoredResponse
from rater_data.importing.readers.row import Row

RESPONSES, USERS, STATUS = ".responses", ".responses.users", ".responses.status"
SUBMITTED = ("submitted", None)
RATING_NAMES = (*SCORE_COLUMNS, "quality", "overall")
COMMENT_NAMES = ("comment", "feedback", "rationale")

Said = list[tuple[Any, Any]]
"""Who said what to a question: (user, value), of submitted responses."""


def _parse_rows(rows: Iterable[Row], options: ParseOptions) -> ParsedRows:
    for row in rows:
        if row.fault:
            yield row, BadRow(row.fault)
            continue
        try:
            yield from [(row, record) for record in _parse_record(row, options)]
        except BadInput as error:
            yield row, BadRow(str(error))


def _parse_record(row: Row, options: ParseOptions) -> Iterator[Record]:
    questions = {name: said for name, said in _questions(row.values).items() if said}
    fields = row.values["fields"] if isinstance(row.values.get("fields"), dict) else row.values
    answered = row_of_fields(row, fields, options)
    rankings = {name: said for name, said in questions.items() if all(_ranks(value) for _, value in said)}
    ratings = {
        name: said for name, said in questions.items() if all(checks.is_number(value) for _, value in said)
    }
    if not rankings and not ratings:
        yield IgnoredRow("records without a submitted rating or ranking")
        return
    comments = {
        user: value
        for name in COMMENT_NAMES
        for user, value in questions.get(name, [])
        if isinstance(value, str)
    }
    if ratings:
        name = _main(list(ratings), options)
        for user, value in ratings[name]:
            yield ScoredResponse(
                prompt=parse_prompt(answered, options, "train"),
                response=parse_response_text(answered),
                score=value,
                rater=_user(row, user),
                comment=comments.get(user, ""),
                score_range=options.score_range,
            )
    else:
        for user, value in rankings[_main(list(rankings), options)]:
            yield from _ranked(answered, _ranks(value), _user(row, user), comments.get(user, ""), options)


def _ranked(
    fields: Row, ranks: dict[str, float], rater: str, comment: str, options: ParseOptions
) -> Iterator[ScoredResponse]:
    """The responses from the best to the worst."""
    prompt = parse_prompt(fields, options, "train")
    low, high = min(ranks.values()), max(ranks.values())
    for name, rank in sorted(ranks.items(), key=lambda pair: pair[1]):
        text = next((fields.values[key] for key in _spellings(name) if key in fields.values), None)
        if not isinstance(text, str):
            raise BadInput(f"the ranking names {checks.quoted(name)}, and there is no such field with a text")
        score = 1 - (rank - low) / (high - low) if high > low else 0.5
        yield ScoredResponse(
            prompt=prompt, response=text, score=score, rater=rater, comment=comment, score_range=(0.0, 1.0)
        )


def _spellings(name: str) -> tuple[str, ...]:
    name = name.lower()
    return name, name.replace("-", "_"), name.replace("_", "-"), name.replace("-", "").replace("_", "")


def _ranks(value: Any) -> dict[str, float]:
    """Names with their ranks, 1 the best; empty for what is no ranking.

    Version 2 lists names in order, version 1 has {rank, value} in a list, which Parquet makes lists of each.
    """
    if (
        isinstance(value, dict)
        and isinstance(value.get("rank"), list)
        and isinstance(value.get("value"), list)
    ):
        value = [
            dict(zip(("rank", "value"), pair, strict=True))
            for pair in zip(value["rank"], value["value"], strict=False)
        ]
    if not isinstance(value, list) or len(value) < 2:
        return {}
    if all(isinstance(one, str) for one in value):
        return {name: float(number) for number, name in enumerate(value, start=1)}
    if all(
        isinstance(one, dict) and isinstance(one.get("value"), str) and checks.is_number(one.get("rank"))
        for one in value
    ):
        return {one["value"]: float(one["rank"]) for one in value}
    return {}


def _main(names: list[str], options: ParseOptions) -> str:
    wanted = options.columns.get("rating")
    if wanted is not None and wanted.lower() not in names:
        raise BadInput(
            f"there is no question {wanted} that was answered so: there are {', '.join(sorted(names))}"
        )
    if wanted is not None or len(names) == 1:
        return wanted.lower() if wanted is not None else names[0]
    main = next((name for name in RATING_NAMES if name in names), None)
    if main is None:
        raise BadInput(
            f"there are questions {', '.join(sorted(names))}: say with --map rating=NAME which is the score"
        )
    return main


# ---- who answered what


def _questions(values: dict[str, Any]) -> dict[str, Said]:
    """The submitted responses to each question, whichever way the export has them."""
    found: dict[str, Said] = {}
    if isinstance(values.get("responses"), dict):
        for name, answers in values["responses"].items():
            found[str(name).lower()] = _listed(answers)
        return found
    for name, value in values.items():
        if name.endswith(RESPONSES) and isinstance(value, list):
            question = name.removesuffix(RESPONSES)
            users = values.get(question + USERS) or [None] * len(value)
            status = values.get(question + STATUS) or [None] * len(value)
            if not len(value) == len(users) == len(status):
                raise BadInput(f"the responses to {question} and their users are not equally many")
            found[question] = [
                (user, said)
                for user, said, state in zip(users, value, status, strict=True)
                if state in SUBMITTED
            ]
        elif _is_list_of_answers(value):
            found[name] = _listed(value)
    return found


def _is_list_of_answers(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and {"user_id", "value"} <= set(one) for one in value
    )


def _listed(answers: Any) -> Said:
    if not _is_list_of_answers(answers):
        raise BadInput("responses have to be a list of objects with user_id and value")
    return [(one["user_id"], one["value"]) for one in answers if one.get("status") in SUBMITTED]


def _user(row: Row, user: Any) -> str:
    return parse_rater(Row(file=row.file, line=row.line, values={"rater": user}))


def _matches(row: Row, columns: set[str]) -> bool:
    nested = isinstance(row.values.get("fields"), dict) and isinstance(row.values.get("responses"), dict)
    old = any(value and _is_list_of_answers(value) for value in row.values.values())
    return nested or old or any(str(column).endswith(RESPONSES) for column in columns)


ARGILLA = Layout(
    name="argilla", holds="ratings", parse_rows=_parse_rows, matches=_matches, maps_columns=False
)
