"""The format `ratings`: every rating with where it came from. It is the one that nothing is left out of.

A batch's responses and prompts become columns once and are spread over its ratings, so the cost of a row does not
grow with its tokens. Left out on purpose: names, links, token ids.
"""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rater_data.exporting.formats.base import MESSAGES, FormatRows, RowBatch, RowStream
from rater_data.exporting.formats.dataset_parts import part_of
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.records import IMPORTED_ROUND
from rater_data.round_settings import CHAT, PLAIN, Told
from rater_data.scales import SCALES
from rater_data.store import Store
from rater_data.store.reports.export_rows import PeopleAndVersions, RatingFilter, RatingRows

TIME = pa.timestamp("ms", tz="UTC")

LINEAGE = [
    ("slot", pa.int64()),
    ("stratum", pa.string()),
    ("overlap", pa.int64()),
    ("propensity", pa.float64()),
    ("policy_version", pa.int64()),
    ("adapter_sha256", pa.string()),
    ("base_model", pa.string()),
    ("base_revision", pa.string()),
    ("seed", pa.int64()),
    ("temperature", pa.float64()),
    ("tokens", pa.int64()),
    ("finish_reason", pa.string()),
    ("logprob", pa.float64()),
    ("ref_logprob", pa.float64()),
    ("kl", pa.float64()),
    ("head_score", pa.float64()),
]
"""Where a response came from, as far as two of one prompt and round can differ in it."""
SAMPLING = 4  # the first of these say why it was shown, the others what wrote it
OTHER = "other_"

EDIT = [("edit", pa.string()), ("edit_at", TIME), ("edit_active_ms", pa.int64())]
"""What the rater wrote in place of a response, as it is now."""

RATINGS = pa.schema(
    [
        ("rating_id", pa.int64()),
        ("response_id", pa.int64()),
        ("prompt_id", pa.int64()),
        ("prompt", pa.string()),
        ("messages", MESSAGES),
        ("completion", pa.string()),
        ("completion_sha256", pa.string()),
        ("other_id", pa.int64()),
        ("other_completion", pa.string()),
        ("other_completion_sha256", pa.string()),
        ("swapped", pa.bool_()),
        ("rater", pa.string()),
        ("rater_active", pa.bool_()),
        ("rater_excluded", pa.bool_()),
        ("score", pa.float64()),
        ("score_normalised", pa.float64()),
        ("scale", pa.string()),
        ("scale_low", pa.int64()),
        ("scale_high", pa.int64()),
        ("verdict", pa.string()),
        ("comment", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("attributes", pa.string()),
        ("shown_at", TIME),
        ("submitted_at", TIME),
        ("given_at", TIME),
        ("active_ms", pa.int64()),
        ("active_s", pa.float64()),
        ("position", pa.int64()),
        ("guideline_version", pa.int64()),
        ("revision", pa.int64()),
        ("is_current", pa.bool_()),
        ("key", pa.string()),
        ("round", pa.int64()),
        ("prompt_format", pa.string()),
        ("system_prompt", pa.string()),
        *LINEAGE[:SAMPLING],
        ("split", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("source", pa.string()),
        *LINEAGE[SAMPLING:],
        *((OTHER + name, kind) for name, kind in LINEAGE),
        *EDIT,
        *((OTHER + name, kind) for name, kind in EDIT),
    ]
)
"""One row a revision of a rating, by `rating_id`.

What was asked: `messages`, of which `prompt` is the last (a user's); `tags`, `source` and `split` are the prompt's.
What was answered: `completion` and the sha256 of its UTF-8. Of a comparison, `other_completion` is the second
response, whichever was shown first (`swapped`: the other was); a score below 0 says the first is better.
Who: `rater`, a pseudonym that stays; whether they may rate now, and whether their ratings count.
What they said: `score` on `scale` from `scale_low` to `scale_high`, `score_normalised` from 0 to 1, both null unless
`verdict` is rated; `attributes` is JSON. `revision` counts the changes, `is_current` marks what holds now, and `key`
names the decision: sent twice, kept once.
When: UTC, in milliseconds (ISO 8601 in JSON and CSV). `given_at` is when the first revision was given; `active_ms` and
`active_s` is time with the card in view; `position` its place among the responses to its prompt for this rater.
Why this one was shown: `round`, its `slot` in it, `stratum`, `overlap` (raters wanted), `propensity` (with which its
prompt was drawn).
What stood before it: in the `prompt_format` chat `system_prompt`, unless `messages` bring a system message of their
own; in the format plain the completion goes on with the text of the messages (joined by line breaks). Both are the
round's, and null for text that was imported.
What wrote it: `policy_version`, the sha256 of its adapter (null for the base itself), base model (of a folder its name)
and revision, seed,
temperature, number of `tokens` (the end's included), why it ended. `logprob` and `ref_logprob` are nats of the whole
response under the policy and under the base, at that temperature; `kl` their difference; `head_score` what the reward
head said when the round was trained, in standard deviations. All of these are null for text that was imported, and
what nobody computed is null too.
The same of the second response of a comparison, with `other_` before the name.
What would be better: `edit` is what this rater wrote in place of the completion, as it is now, `edit_at` when, and
`edit_active_ms` the time they wrote; null where they wrote nothing. Of the second response `other_edit` and so on.
"""


def rating_rows(store: Store, rating_filter: RatingFilter) -> Generator[RowBatch, None, None]:
    """Every revision that is meant, by id, some thousand at a time: a large store fits a small memory."""
    # people and versions as they are beside these ratings: who rates for the first time right now is in neither
    with store.consistent_reads() as snapshot:
        people_and_versions, told = snapshot.people_and_versions(), snapshot.told_by_round()
        edited = snapshot.count_edits() > 0
        for rows in snapshot.rating_rows(rating_filter):
            edits = snapshot.edits_of(row.id for row in rows.responses) if edited else {}
            yield _row_batch(rows, people_and_versions, told, edits)


def model_name(name: str) -> str:
    """A hub id as it is; of a folder only its own name, because a path may name a person."""
    return Path(name).name if Path(name).is_absolute() else name


def _row_batch(
    rows: RatingRows,
    people_and_versions: PeopleAndVersions,
    told: Mapping[int, Told],
    edits: Mapping[tuple[int, int], Any],
) -> RowBatch:
    ratings = _columns_of(rows.ratings)
    prompts, prompt_index = _prompt_columns(rows.prompts)
    responses, response_index = _response_columns(rows.responses, people_and_versions, told)
    response_at = pa.array([response_index[id_] for id_ in ratings["response_id"]])
    other_at = pa.array(
        [None if id_ is None else response_index[id_] for id_ in ratings["other_id"]], pa.int64()
    )
    prompt_at = pa.array([prompt_index[row.prompt_id] for row in rows.responses]).take(response_at)
    columns = {name: column.take(response_at) for name, column in responses.items()}
    columns |= {name: column.take(prompt_at) for name, column in prompts.items() if name != "part"}
    for name in ("completion", "completion_sha256", *(name for name, _ in LINEAGE)):
        columns[OTHER + name] = responses[name].take(other_at)
    columns |= _rating_columns(ratings, people_and_versions)
    for prefix, about in (("", "response_id"), (OTHER, "other_id")):
        columns |= _edit_columns(prefix, ratings[about], ratings["rater_id"], edits)
    batch = pa.record_batch([columns[field.name] for field in RATINGS], schema=RATINGS)
    return RowBatch(batch, prompts["part"].take(prompt_at).to_numpy())


def _columns_of(rows: Sequence[Any]) -> dict[str, tuple]:
    return dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True)) if rows else {}


def _rating_columns(ratings: dict[str, tuple], people_and_versions: PeopleAndVersions) -> dict[str, pa.Array]:
    """What is the rating's own, not its response's or prompt's."""
    people = [people_and_versions.people[rater] for rater in ratings["rater_id"]]
    low = np.array([SCALES[name].low for name in ratings["scale"]])
    high = np.array([SCALES[name].high for name in ratings["scale"]])
    score = np.array(ratings["score"], dtype=np.float64)
    values: dict[str, Any] = {
        "rating_id": ratings["id"],
        "rater": [person.pseudonym for person in people],
        "rater_active": [person.active for person in people],
        "rater_excluded": [person.excluded for person in people],
        "scale_low": low,
        "scale_high": high,
        "flags": [_parse_list(flags) for flags in ratings["flags"]],
        "attributes": [_sort_keys(attributes) for attributes in ratings["attributes"]],
        "active_s": np.array(ratings["active_ms"]) / 1000,
    }
    same = ("response_id", "other_id", "swapped", "score", "scale", "verdict", "comment", "active_ms")
    for name in (*same, "position", "guideline_version", "revision", "is_current", "key"):
        values[name] = ratings[name]
    for name in ("shown_at", "submitted_at", "given_at"):
        values[name] = np.rint(np.array(ratings[name]) * 1000).astype("int64")
    columns = {name: pa.array(column, RATINGS.field(name).type) for name, column in values.items()}
    return columns | {"score_normalised": pa.array((score - low) / (high - low), from_pandas=True)}


def _edit_columns(
    prefix: str, responses: Sequence[int | None], raters: Sequence[int], edits: Mapping[tuple[int, int], Any]
) -> dict[str, pa.Array]:
    """The better answers to the responses of rows by the raters of rows."""
    if not edits:
        return {prefix + name: pa.nulls(len(raters), kind) for name, kind in EDIT}
    keys = zip(responses, raters, strict=True)
    found = [None if response is None else edits.get((response, rater)) for response, rater in keys]
    values = {
        "edit": [row and row.text for row in found],
        "edit_at": [row and round(row.given_at * 1000) for row in found],
        "edit_active_ms": [row and row.active_ms for row in found],
    }
    return {prefix + name: pa.array(values[name], kind) for name, kind in EDIT}


def _parse_list(text: str) -> list[str]:
    return [] if text == "[]" else json.loads(text)


def _sort_keys(text: str) -> str:
    return text if text == "{}" else json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True)


def _prompt_columns(rows: Sequence[Any]) -> tuple[dict[str, pa.Array], dict[int, int]]:
    """Columns of prompts, and at which index each id is."""
    messages = [json.loads(row.messages) for row in rows]
    values: dict[str, list] = {
        "prompt_id": [row.id for row in rows],
        "prompt": [chat[-1]["content"] for chat in messages],
        "messages": messages,
        "split": [row.split for row in rows],
        "tags": [_parse_list(row.tags) for row in rows],
        "source": [row.source for row in rows],
    }
    columns = {name: pa.array(column, RATINGS.field(name).type) for name, column in values.items()}
    columns["part"] = pa.array([part_of(row.sha256, row.split) for row in rows], pa.int8())
    return columns, {row.id: index for index, row in enumerate(rows)}


def _response_columns(
    rows: Sequence[Any], people_and_versions: PeopleAndVersions, told: Mapping[int, Told]
) -> tuple[dict[str, pa.Array], dict[int, int]]:
    """Columns of responses, and at which index each id is."""
    given = _columns_of(rows)
    sampled = np.array(given["round_number"]) != IMPORTED_ROUND
    lineage_of_version = {
        v.number: (v.sha256 or None, model_name(v.base_model), v.base_revision)
        for v in people_and_versions.versions.values()
    }
    versions = [lineage_of_version.get(number, (None, None, None)) for number in given["version_number"]]
    tokens, logprob = _count_and_sum(given["logprobs"])
    reference = np.array(given["ref_logprob"], dtype=np.float64)
    before = [told.get(number) for number in given["round_number"]]
    values: dict[str, Any] = {
        "prompt_format": [b and (PLAIN if b.continuation else CHAT) for b in before],
        "system_prompt": [b and b.system for b in before],
        "completion": given["text"],
        "completion_sha256": [hashlib.sha256(text.encode()).hexdigest() for text in given["text"]],
        "round": given["round_number"],
        "adapter_sha256": [sha256 for sha256, _, _ in versions],
        "base_model": [model for _, model, _ in versions],
        "base_revision": [revision for _, _, revision in versions],
        "policy_version": given["version_number"],
        # scored and summed in single precision: what differs in the ninth digit is no divergence
        "kl": np.round(logprob - reference, 9),
        "logprob": logprob,
        "ref_logprob": reference,
    }
    for name in ("slot", "stratum", "overlap", "propensity", "head_score"):
        values[name] = given[name]
    columns = {
        name: pa.array(column, RATINGS.field(name).type, from_pandas=True) for name, column in values.items()
    }
    for name in ("seed", "temperature", "finish_reason"):
        columns[name] = pa.array(given[name], RATINGS.field(name).type, mask=~sampled)
    columns["tokens"] = pa.array(tokens, mask=tokens == 0)
    return columns, {id_: index for index, id_ in enumerate(given["id"])}


def _count_and_sum(lists: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """How many numbers are in each JSON list, and their sums (NaN of none), all lists at once."""
    inner = pc.utf8_trim(pa.array(lists, pa.string()), "[] ")
    parts = pc.split_pattern(pc.if_else(pc.equal(inner, ""), None, inner), ",")
    numbers = pc.cast(pc.utf8_trim_whitespace(parts.flatten()), pa.float64()).to_numpy()
    counts = pc.fill_null(pc.list_value_length(parts), 0).to_numpy().astype(np.int64)
    sums = np.full(len(lists), np.nan)
    not_empty = counts > 0
    if not_empty.any():
        starts = np.cumsum(counts) - counts
        sums[not_empty] = np.add.reduceat(numbers, starts[not_empty])
    return counts, sums


def stream_ratings(store: Store, request: ExportRequest) -> RowStream:
    total = store.count_revisions(request.rating_filter)
    return RowStream(RATINGS, rating_rows(store, request.rating_filter), total)


RATINGS_FORMAT = FormatRows(
    stream=stream_ratings,
    source="ratings",
    about="""\
Every rating that people gave to responses of a language model, with earlier revisions (`is_current` false).

`score` is on the raters' scale, `score_normalised` from 0 to 1; both are null where the verdict is not
`rated`. `rater` is a pseudonym that stays the same from export to export. Times are in UTC. Round 0 holds
imported responses, which no policy version wrote.""",
    task="text-classification",
    offsets="`score` here is as given.",
)
