"""The only door between the engine and the store: stored token ids become tensors, tensors become records.

Text is never tokenised anew where ids were stored: what was sampled is what is trained. Only imported ratings,
which no model of ours wrote, are tokenised here; they teach the head and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ppo.config import SampleConfig
from ppo.model.base_model import BaseModel
from ppo.model.rollout import Rollout, rollout_of
from ppo.reward.judgements import COMPARISON, NOBODY, SCORE, THUMB, WORSE_THAN_USUAL, Judgements
from ppo.training.set_aside import without_set_aside
from rater_data.errors import BadInput
from rater_data.records import EditedResponse, Prompt, RatedResponse, Rating, Response, stored_id
from rater_data.scales import DEFAULT_SCALE, SCALES
from rater_data.statistics.agreement import human_ceiling
from rater_data.statistics.score_frame import training_score
from rater_data.store import Store

THUMBS = "thumbs"
ON_POLICY = ("train", "calibration")  # strata whose responses may move the policy
NEVER_TRAINED = ("holdout",)


class Readable(Protocol):
    """Texts that the reward head's features are read of; `ids` name them, the same text always in the same way."""

    @property
    def ids(self) -> tuple[int, ...]: ...
    @property
    def rollout(self) -> Rollout: ...


@dataclass(frozen=True)
class RatedResponses:
    """A round's frozen ratings as arrays over N rated responses, whose ids in the store are `ids`.

    `judgements` of them, each rater's own; `prompts` their prompt ids; `reference` True where the base itself wrote
    it; `on_policy` True where the version in training wrote it on a training prompt: only those are on-policy.
    `ceiling`: how well one rater foretells the others. `left_out`: why rated responses that were made elsewhere are
    not among them.
    """

    ids: tuple[int, ...]
    rollout: Rollout
    judgements: Judgements
    prompts: np.ndarray
    reference: np.ndarray
    on_policy: np.ndarray
    count: int
    stored_logprobs: tuple[tuple[float, ...], ...]
    ceiling: dict[str, float | int | None] | None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoredResponses:
    """Stored responses to be read, rated or not; `ids` are theirs in the store."""

    ids: tuple[int, ...]
    rollout: Rollout


def load_sealed_ratings(
    store: Store, base: BaseModel, round_number: int, version_number: int, sample: SampleConfig
) -> RatedResponses:
    """The snapshot of a sealed round, without holdout prompts; `version_number` is about to be trained."""
    return rated_responses(store, base, store.snapshot(round_number), version_number, sample)


def rated_responses(
    store: Store, base: BaseModel, ratings: list[RatedResponse], version_number: int, sample: SampleConfig
) -> RatedResponses:
    """Ratings as `load_sealed_ratings` gives them, of a list that need not be sealed yet.

    `sample` says how the prompts of imported responses are written: they have no token ids of their own.
    """
    rated = [r for r in ratings if is_trained_on(r)]
    told = [r for r in rated if training_score(r.rating) is not None]
    responses = {stored_id(r.response): r for r in told}
    for row in told:  # of comparisons, those that were only ever the second
        other = row.rating.other_id
        if other is not None and other not in responses:
            responses[other] = replace(row, response=store.response(other))
    rows, ids, left_out = [], [], []
    for row in (responses[i] for i in sorted(responses)):
        try:
            ids.append(token_ids(base, row, sample))
            rows.append(row)
        except BadInput as error:
            left_out.append(str(error))
    order = {p: i for i, p in enumerate(dict.fromkeys(r.response.prompt_id for r in rows))}
    return RatedResponses(
        ids=tuple(stored_id(r.response) for r in rows),
        rollout=rollout_of(
            [p for p, _ in ids],
            [t for _, t in ids],
            [r.response.finish_reason == "eos" for r in rows],
            # one group per prompt *and* round: the same prompt may come again
            [order[r.response.prompt_id] * 100_000 + r.response.round_number for r in rows],
            base.pad_id,
            next(base.lm.parameters()).device,
        ),
        judgements=judgements_of([r.rating for r in told], [stored_id(r.response) for r in rows]),
        prompts=np.array([r.response.prompt_id for r in rows]),
        reference=np.array([r.response.version_number == 0 for r in rows], dtype=bool),
        on_policy=np.array([_is_on_policy(r.response, version_number) for r in rows], dtype=bool),
        count=len(rated),
        stored_logprobs=tuple(r.response.logprobs for r in rows),
        ceiling=human_ceiling(told),
        left_out=tuple(left_out),
    )


def judgements_of(ratings: Sequence[Rating], ids: Sequence[int]) -> Judgements:
    """What ratings that teach something say of the responses `ids`; those of others are left out.

    "Both bad" is a tie of two that both lost against a usual response. Scores of another scale than the first's are
    put on that one.
    """
    place = {response_id: row for row, response_id in enumerate(ids)}
    told = [r for r in ratings if r.response_id in place and (r.other_id is None or r.other_id in place)]
    raters = sorted({r.rater_id for r in told})
    scale = SCALES[told[0].scale if told else DEFAULT_SCALE]
    lines: list[tuple[int, int, int, int, float]] = []
    for rating in told:
        row, rater = place[rating.response_id], raters.index(rating.rater_id)
        score = training_score(rating)
        assert score is not None, "it teaches something"
        if rating.other_id is not None:
            other = place[rating.other_id]
            lines.append((COMPARISON, row, other, rater, -score))  # below 0 the first is better
            if rating.verdict == "both_bad":
                lines += [(WORSE_THAN_USUAL, one, NOBODY, rater, -1.0) for one in (row, other)]
        elif rating.scale == THUMBS:
            lines.append((THUMB, row, NOBODY, rater, 1.0 if score > 0 else -1.0))
        else:
            own = SCALES[rating.scale]
            share = (score - own.low) / (own.high - own.low)
            lines.append((SCORE, row, NOBODY, rater, scale.low + share * (scale.high - scale.low)))
    table = np.array(lines, dtype=np.float64).reshape(-1, 5)
    kind, row_of, other_of, rater_of = table[:, :4].T.astype(np.int64)
    return Judgements(
        kind, row_of, other_of, rater_of, table[:, 4], tuple(raters), len(ids), scale.low, scale.high
    )


def load_round_responses(store: Store, base: BaseModel, number: int) -> StoredResponses:
    """Every response of a round, holdout and unrated ones too."""
    rows = [r for r in store.responses(number) if r.token_ids]
    order = {p: i for i, p in enumerate(dict.fromkeys(r.prompt_id for r in rows))}
    rollout = rollout_of(
        [list(r.prompt_ids) for r in rows],
        [list(r.token_ids) for r in rows],
        [r.finish_reason == "eos" for r in rows],
        [order[r.prompt_id] for r in rows],
        base.pad_id,
        next(base.lm.parameters()).device,
    )
    return StoredResponses(tuple(stored_id(r) for r in rows), rollout)


def is_trained_on(rated: RatedResponse | EditedResponse) -> bool:
    """Whether the head may learn from it: not of a holdout prompt."""
    return rated.response.stratum not in NEVER_TRAINED and rated.prompt.split != "holdout"


def _is_on_policy(response: Response, version_number: int) -> bool:
    return (
        response.version_number == version_number
        and response.stratum in ON_POLICY
        and bool(response.token_ids)
    )


def token_ids(
    base: BaseModel, rated: RatedResponse | EditedResponse, sample: SampleConfig
) -> tuple[list[int], list[int]]:
    """Prompt and response as they were sampled; what was made elsewhere is tokenised. Raises BadInput: see `encode`."""
    response = rated.response
    if response.token_ids:
        return list(response.prompt_ids), list(response.token_ids)
    # Made elsewhere, of any length: at least half of the context is the response's
    prompt = encode_prompt(base, rated.prompt, sample, max(1, base.context // 2))
    text = base.chat.encode_piece(response.text)
    return prompt, text[: base.context - len(prompt)]


def encode_prompt(base: BaseModel, prompt: Prompt, sample: SampleConfig, limit: int) -> list[int]:
    """A prompt's token ids; of one longer than `limit` the beginning is left out. Raises BadInput: see `encode`."""
    return base.encode(prompt.chat, sample, limit)


def trainable_prompts(store: Store) -> list[Prompt]:
    """Prompts that may be trained on, without those that were set aside."""
    return without_set_aside(store, store.prompts(split="train"))


def holdout_prompts(store: Store) -> list[Prompt]:
    """Prompts that never are, without those that were set aside."""
    return without_set_aside(store, store.prompts(split="holdout"))


def add_responses(store: Store, responses: Sequence[Response]) -> int:
    """Puts responses before the raters; those already there (same round and slot) are left alone."""
    return store.add_responses(list(responses))
