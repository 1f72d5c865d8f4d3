"""Out: every rating, or pairs of responses of which people prefer one. What is written where is in `writing`.

People appear by pseudonym, never by name. Left out on purpose: links, hashes of secrets, token ids.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa

from rater_data import agreement, checks
from rater_data.errors import BadInput
from rater_data.records import IMPORTED_ROUND, SPLITS, Prompt, RatedResponse
from rater_data.scales import SCALES
from rater_data.store import Store
from rater_data.writing import write

FORMATS = ("ratings", "preference")
AT_ONCE = 500

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

RATINGS = pa.schema(
    [
        ("rating_id", pa.int64()),
        ("response_id", pa.int64()),
        ("prompt_id", pa.int64()),
        ("prompt", pa.string()),
        ("messages", _MESSAGES),
        ("completion", pa.string()),
        ("completion_sha256", pa.string()),
        ("rater", pa.string()),
        ("rater_excluded", pa.bool_()),
        ("score", pa.float64()),
        ("score_normalised", pa.float64()),
        ("scale", pa.string()),
        ("verdict", pa.string()),
        ("comment", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("attributes", pa.string()),
        ("shown_at", pa.string()),
        ("submitted_at", pa.string()),
        ("active_ms", pa.int64()),
        ("position", pa.int64()),
        ("guideline_version", pa.int64()),
        ("revision", pa.int64()),
        ("is_current", pa.bool_()),
        ("round", pa.int64()),
        ("policy_version", pa.int64()),
        ("stratum", pa.string()),
        ("split", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("seed", pa.int64()),
        ("temperature", pa.float64()),
        ("finish_reason", pa.string()),
    ]
)
"""One row a revision of a rating.

Times are ISO 8601 in UTC; `attributes` is JSON; `policy_version`, `seed`,
`temperature` and `finish_reason` are null for imported text; `prompt` is the last user message of
`messages`."""

Wrap = Callable[[Iterator[dict[str, Any]], int], Iterator[dict[str, Any]]]
"""Goes around rows, told how many there will be: a progress bar, or nothing."""


def _unwrapped(rows: Iterator[dict[str, Any]], _total: int) -> Iterator[dict[str, Any]]:
    return rows


def export(
    store: Store,
    out: Path,
    *,
    format: str = "ratings",
    as_: str = "jsonl",
    split: str | None = None,
    min_margin: float = 0.0,
    force: bool = False,
    wrap: Wrap = _unwrapped,
) -> int:
    """Writes all ratings, or preference pairs, of the store (or of one split); returns how many rows.

    Written aside and renamed: `out` is there whole or not at all. Raises BadInput when `out` exists (unless
    `force`), when there is nothing to write or an option is not known, and DiskFull.
    """
    checks.one_of("The format", format, FORMATS)
    checks.number("The smallest margin", min_margin, low=0)
    if split is not None:
        checks.one_of("The split", split, SPLITS)
    if format == "ratings":
        schema, rows, total = (
            RATINGS,
            rating_rows(store, split),
            store.count_ratings(current=False, split=split),
        )
    else:
        pairs = preference_rows(store, split, min_margin)
        schema, rows, total = preference_schema(pairs), iter(pairs), len(pairs)
    if total == 0:
        what = "ratings" if format == "ratings" else "pairs of differently rated responses to one prompt"
        raise BadInput(f"There is nothing to export: the store has no {what} yet.")
    return write(out, wrap(rows, total), schema, as_=as_, force=force, what=format)


# ---- every rating


def rating_rows(store: Store, split: str | None = None) -> Iterator[dict[str, Any]]:
    """Every revision of every rating by id, `AT_ONCE` read at a time: a large store fits a small memory."""
    users = {user.id: user for user in store.users()}
    last = 0
    while rated := store.revisions(after=last, limit=AT_ONCE):
        for one in rated:
            last = one.rating.id
            if split is None or one.prompt.split == split:
                user = users.get(one.rating.rater_id) or store.user(one.rating.rater_id)
                yield rating_row(one, user.pseudonym, user.excluded)


def rating_row(one: RatedResponse, pseudonym: str, excluded: bool) -> dict[str, Any]:
    """One row as `RATINGS` describes it."""
    rating, response, prompt = one.rating, one.response, one.prompt
    ours = response.round_number != IMPORTED_ROUND
    scale = SCALES[rating.scale]
    return {
        "rating_id": rating.id,
        "response_id": response.id,
        "prompt_id": prompt.id,
        "prompt": prompt.text,
        "messages": _messages(prompt),
        "completion": response.text,
        "completion_sha256": hashlib.sha256(response.text.encode()).hexdigest(),
        "rater": pseudonym,
        "rater_excluded": excluded,
        "score": rating.score,
        "score_normalised": None if rating.score is None else scale.normalise(rating.score),
        "scale": rating.scale,
        "verdict": rating.verdict,
        "comment": rating.comment,
        "flags": list(rating.flags),
        "attributes": json.dumps(rating.attributes, ensure_ascii=False, sort_keys=True),
        "shown_at": _iso(rating.shown_at),
        "submitted_at": _iso(rating.submitted_at),
        "active_ms": rating.active_ms,
        "position": rating.position,
        "guideline_version": rating.guideline_version,
        "revision": rating.revision,
        "is_current": rating.is_current,
        "round": response.round_number,
        "policy_version": response.version_number if ours else None,
        "stratum": response.stratum,
        "split": prompt.split,
        "tags": list(prompt.tags),
        "seed": response.seed if ours else None,
        "temperature": response.temperature if ours else None,
        "finish_reason": response.finish_reason if ours else None,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in prompt.messages]


# ---- pairs


def preference_rows(store: Store, split: str | None = None, min_margin: float = 0.0) -> list[dict[str, Any]]:
    """Pairs within one prompt in TRL's form: prompt, chosen, rejected, and the margin in points of the scale.

    From the current ratings of active raters who are not excluded, their offsets taken off. Equal texts count
    as one response; ties and margins below `min_margin` are left out. While every prompt is a single user
    message the columns are strings (TRL's standard form); otherwise all of them are lists of messages
    (conversational).
    """
    trusted = {user.id for user in store.users() if user.active and not user.excluded}
    rated = [one for one in store.rated() if one.rating.rater_id in trusted]
    scores, weights = agreement.corrected_scores(rated), agreement.weights(rated)
    prompts: dict[int, Prompt] = {}
    # by prompt and text: [weighted sum of scores, ratings]
    texts: dict[int, dict[str, list[float]]] = defaultdict(dict)
    for one in {one.response.id: one for one in rated}.values():
        response = one.response
        if response.id not in scores or (split is not None and one.prompt.split != split):
            continue
        prompts[response.prompt_id] = one.prompt
        sums = texts[response.prompt_id].setdefault(response.text, [0.0, 0.0])
        sums[0] += scores[response.id] * weights[response.id]
        sums[1] += weights[response.id]
    standard = all(len(prompt.messages) == 1 for prompt in prompts.values())
    return [
        _pair(prompts[prompt_id], chosen, rejected, margin, standard)
        for prompt_id in sorted(texts)
        for chosen, rejected, margin in _ordered(texts[prompt_id], min_margin)
    ]


def _ordered(texts: dict[str, list[float]], min_margin: float) -> Iterator[tuple[str, str, float]]:
    means = {text: total / count for text, (total, count) in texts.items()}
    for a, b in combinations(means, 2):
        # offsets are sums of floats: what differs in the twelfth digit is a tie
        margin = round(means[a] - means[b], 9)
        if margin != 0 and abs(margin) >= min_margin:
            yield (a, b, margin) if margin > 0 else (b, a, -margin)


def _pair(prompt: Prompt, chosen: str, rejected: str, margin: float, standard: bool) -> dict[str, Any]:
    if standard:
        return {"prompt": prompt.text, "chosen": chosen, "rejected": rejected, "margin": margin}
    return {
        "prompt": _messages(prompt),
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "margin": margin,
    }


def preference_schema(pairs: list[dict[str, Any]]) -> pa.Schema:
    """Strings for TRL's standard form, lists of messages for its conversational one."""
    kind = pa.string() if not pairs or isinstance(pairs[0]["prompt"], str) else _MESSAGES
    return pa.schema([("prompt", kind), ("chosen", kind), ("rejected", kind), ("margin", pa.float64())])
