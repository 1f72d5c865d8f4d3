"""Every rating with where it came from, column by column: `RATINGS` is the format that is the source of truth.

A portion's responses and prompts become columns once and are spread over its ratings, so the cost of a row does not
grow with its tokens. Left out on purpose: names, links, token ids.
"""

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rater_data.records import IMPORTED_ROUND
from rater_data.scales import SCALES
from rater_data.store import Store
from rater_data.store.reports.export_rows import Around, Portion, Which

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
TIME = pa.timestamp("ms", tz="UTC")
PARTS = ("train", "validation", "test")
PARTS_OF = 20  # a twentieth of the prompts is for testing, another for validation

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
PLACE = 4  # of these say why it was shown
OTHER = "other_"

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
        *LINEAGE[:PLACE],
        ("split", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("source", pa.string()),
        *LINEAGE[PLACE:],
        *((OTHER + name, kind) for name, kind in LINEAGE),
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
`active_s` is time with the card in view; `position` the how-manieth of its prompt it was for the rater.
Why this one was shown: `round`, its `slot` in it, `stratum`, `overlap` (raters wanted), `propensity` (with which its
prompt was drawn).
What wrote it: `policy_version`, the sha256 of its adapter (null for the base itself), base model (of a folder its name)
and revision, seed,
temperature, number of `tokens` (the end's included), why it ended. `logprob` and `ref_logprob` are nats of the whole
response under the policy and under the base, at that temperature; `kl` their difference; `head_score` what the reward
head said when the round was trained, in standard deviations. All of these are null for text that was imported, and
what nobody computed is null too.
The same of the second response of a comparison, with `other_` before the name.
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of an export, and of each the part of a dataset that its prompt belongs to: a place in `PARTS`."""

    batch: pa.RecordBatch
    parts: np.ndarray


def part_of(prompt_sha256: str, split: str) -> int:
    """Where a prompt goes: by the first 8 bytes of its sha256 modulo 20, 0 is test, 1 validation, the rest train.

    A holdout prompt is never in train: there even goes to test, odd to validation. The hash is of the messages as JSON
    with sorted keys and no blanks, so a prompt keeps its place from export to export and from home to home.
    """
    place = int(prompt_sha256[:16], 16) % PARTS_OF
    if split == "holdout":
        return 1 if place % 2 else 2
    return {0: 2, 1: 1}.get(place, 0)


def rating_rows(store: Store, which: Which) -> Generator[Rows, None, None]:
    """Every revision that is meant, by id, some thousand at a time: a large store fits a small memory."""
    # people and versions as they are beside these ratings: who rates for the first time right now is in neither
    with store.consistent_reads() as still:
        around = still.around()
        for portion in still.portions(which):
            yield _rows(portion, around)


def model_name(name: str) -> str:
    """A hub id as it is; of a folder only its own name, because a path may name a person."""
    return Path(name).name if Path(name).is_absolute() else name


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _rows(portion: Portion, around: Around) -> Rows:
    ratings = _columns(portion.ratings)
    prompts, prompt_at = _prompts(portion.prompts)
    responses, response_at = _responses(portion.responses, around)
    at = pa.array([response_at[i] for i in ratings["response_id"]])
    other = pa.array([None if i is None else response_at[i] for i in ratings["other_id"]], pa.int64())
    of_prompt = pa.array([prompt_at[row.prompt_id] for row in portion.responses]).take(at)
    found = {name: column.take(at) for name, column in responses.items()}
    found |= {name: column.take(of_prompt) for name, column in prompts.items() if name != "part"}
    for name in ("completion", "completion_sha256", *(name for name, _ in LINEAGE)):
        found[OTHER + name] = responses[name].take(other)
    found |= _said(ratings, around)
    batch = pa.record_batch([found[field.name] for field in RATINGS], schema=RATINGS)
    return Rows(batch, prompts["part"].take(of_prompt).to_numpy())


def _columns(rows: Sequence[Any]) -> dict[str, tuple]:
    return dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True)) if rows else {}


def _said(ratings: dict[str, tuple], around: Around) -> dict[str, pa.Array]:
    """What is the rating's own."""
    people = [around.people[i] for i in ratings["rater_id"]]
    low = np.array([SCALES[name].low for name in ratings["scale"]])
    high = np.array([SCALES[name].high for name in ratings["scale"]])
    score = np.array(ratings["score"], dtype=np.float64)
    found: dict[str, Any] = {
        "rating_id": ratings["id"],
        "rater": [person.pseudonym for person in people],
        "rater_active": [person.active for person in people],
        "rater_excluded": [person.excluded for person in people],
        "scale_low": low,
        "scale_high": high,
        "flags": [_list(flags) for flags in ratings["flags"]],
        "attributes": [_sorted(said) for said in ratings["attributes"]],
        "active_s": np.array(ratings["active_ms"]) / 1000,
    }
    own = ("response_id", "other_id", "swapped", "score", "scale", "verdict", "comment", "active_ms")
    for name in (*own, "position", "guideline_version", "revision", "is_current", "key"):
        found[name] = ratings[name]
    for name in ("shown_at", "submitted_at", "given_at"):
        found[name] = np.rint(np.array(ratings[name]) * 1000).astype("int64")
    made = {name: pa.array(values, RATINGS.field(name).type) for name, values in found.items()}
    return made | {"score_normalised": pa.array((score - low) / (high - low), from_pandas=True)}


def _list(text: str) -> list[str]:
    return [] if text == "[]" else json.loads(text)


def _sorted(text: str) -> str:
    return text if text == "{}" else json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True)


def _prompts(rows: Sequence[Any]) -> tuple[dict[str, pa.Array], dict[int, int]]:
    """Columns of prompts, and at which place each id is."""
    messages = [json.loads(row.messages) for row in rows]
    found: dict[str, list] = {
        "prompt_id": [row.id for row in rows],
        "prompt": [said[-1]["content"] for said in messages],
        "messages": messages,
        "split": [row.split for row in rows],
        "tags": [_list(row.tags) for row in rows],
        "source": [row.source for row in rows],
    }
    made = {name: pa.array(values, RATINGS.field(name).type) for name, values in found.items()}
    made["part"] = pa.array([part_of(row.sha256, row.split) for row in rows], pa.int8())
    return made, {row.id: place for place, row in enumerate(rows)}


def _responses(rows: Sequence[Any], around: Around) -> tuple[dict[str, pa.Array], dict[int, int]]:
    """Columns of responses, and at which place each id is."""
    columns = _columns(rows)
    ours = np.array(columns["round_number"]) != IMPORTED_ROUND
    written_by = {
        v.number: (v.sha256 or None, model_name(v.base_model), v.base_revision)
        for v in around.versions.values()
    }
    versions = [written_by.get(number, (None, None, None)) for number in columns["version_number"]]
    tokens, logprob = _sums(columns["logprobs"])
    reference = np.array(columns["ref_logprob"], dtype=np.float64)
    found: dict[str, Any] = {
        "completion": columns["text"],
        "completion_sha256": [sha256_of(text) for text in columns["text"]],
        "round": columns["round_number"],
        "adapter_sha256": [sha256 for sha256, _, _ in versions],
        "base_model": [model for _, model, _ in versions],
        "base_revision": [revision for _, _, revision in versions],
        "policy_version": columns["version_number"],
        # scored and summed in single precision: what differs in the ninth digit is no divergence
        "kl": np.round(logprob - reference, 9),
        "logprob": logprob,
        "ref_logprob": reference,
    }
    for name in ("slot", "stratum", "overlap", "propensity", "head_score"):
        found[name] = columns[name]
    made = {
        name: pa.array(values, RATINGS.field(name).type, from_pandas=True) for name, values in found.items()
    }
    for name in ("seed", "temperature", "finish_reason"):
        made[name] = pa.array(columns[name], RATINGS.field(name).type, mask=~ours)
    made["tokens"] = pa.array(tokens, mask=tokens == 0)
    return made, {i: place for place, i in enumerate(columns["id"])}


def _sums(lists: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """How many numbers are in each JSON list, and their sums (NaN of none), all lists at once."""
    inner = pc.utf8_trim(pa.array(lists, pa.string()), "[] ")
    parts = pc.split_pattern(pc.if_else(pc.equal(inner, ""), None, inner), ",")
    numbers = pc.cast(pc.utf8_trim_whitespace(parts.flatten()), pa.float64()).to_numpy()
    counts = pc.fill_null(pc.list_value_length(parts), 0).to_numpy().astype(np.int64)
    sums = np.full(len(lists), np.nan)
    some = counts > 0
    if some.any():
        starts = np.cumsum(counts) - counts
        sums[some] = np.add.reduceat(numbers, starts[some])
    return counts, sums
