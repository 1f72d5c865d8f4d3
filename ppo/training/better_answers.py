"""Better answers that people wrote: each is one sure preference for the reward head, and nothing else.

Nobody sampled these texts, so they never are in a batch of PPO. Nor is the head judged by them: that people's texts can
be told from a model's says nothing of how the head ranks what the model writes, so cross-validation and the gate look
at ratings alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ppo.config import SampleConfig
from ppo.model.base_model import BaseModel
from ppo.model.rollout import Rollout, rollout_of
from ppo.reward.judgements import COMPARISON, Judgements
from ppo.reward.reward_head import FittedHead, fit
from ppo.training.store_tensors import RatedResponses, is_trained_on, token_ids
from rater_data.errors import BadInput
from rater_data.records import EditedResponse, Response, stored_id
from rater_data.round_settings import CHAT


@dataclass(frozen=True)
class EditedTexts:
    """M texts that the head reads besides the rated responses, and what E better answers say of them.

    `ids` (M): of a response that was replaced but not rated, its id; of a better answer its id below 0. `prompts` (M,).
    `better`, `replaced` and `raters` (E,): ids of two texts, here or among the rated responses, and who wrote the
    first. `left_out`: why some cannot be read.
    """

    ids: tuple[int, ...]
    rollout: Rollout
    prompts: np.ndarray
    better: tuple[int, ...]
    replaced: tuple[int, ...]
    raters: tuple[int, ...]
    left_out: tuple[str, ...] = ()


def edited_texts(
    base: BaseModel, edits: Sequence[EditedResponse], rated: Sequence[int], sample: SampleConfig
) -> EditedTexts:
    """Better answers as token ids, without those to holdout prompts; `rated`: ids of responses that are read anyway."""
    texts: dict[int, tuple[list[int], list[int], bool, int]] = {}
    said: list[tuple[int, int, int]] = []
    left_out = []
    for one in edits:
        if not is_trained_on(one):
            continue
        response, number = stored_id(one.response), -stored_id(one.edit)
        try:
            prompt, original = token_ids(base, one, sample)
        except BadInput as error:
            left_out.append(str(error))
            continue
        prompt_id = one.response.prompt_id
        if response not in rated:
            texts[response] = (prompt, original, one.response.finish_reason == "eos", prompt_id)
        texts[number] = (prompt, _written(base, one, len(prompt), sample), True, prompt_id)
        said.append((number, response, one.edit.rater_id))
    rows = list(texts.values())
    return EditedTexts(
        ids=tuple(texts),
        rollout=rollout_of(
            [prompt for prompt, _, _, _ in rows],
            [ids for _, ids, _, _ in rows],
            [ended for _, _, ended, _ in rows],
            [prompt_id for _, _, _, prompt_id in rows],
            base.pad_id,
            next(base.lm.parameters()).device,
        ),
        prompts=np.array([prompt_id for _, _, _, prompt_id in rows], dtype=int),
        better=tuple(number for number, _, _ in said),
        replaced=tuple(response for _, response, _ in said),
        raters=tuple(rater for _, _, rater in said),
        left_out=tuple(left_out),
    )


def _written(base: BaseModel, one: EditedResponse, prompt: int, sample: SampleConfig) -> list[int]:
    """The ids of a better answer; beside a sampled response it ends as those do: the end shall not tell them apart."""
    end = _end_ids(base, one.response, sample)
    ids = base.chat.encode_piece(one.edit.text)
    return ids[: max(1, base.context - prompt - len(end))] + end


def _end_ids(base: BaseModel, response: Response, sample: SampleConfig) -> list[int]:
    if not response.token_ids or not base.stop_ids:
        return []  # made elsewhere: its text alone is read
    if response.token_ids[-1] in base.stop_ids:
        return [response.token_ids[-1]]
    of_turn = base.chat.end_of_turn_id() if sample.prompt_format == CHAT else None
    return [base.stop_ids[0] if of_turn is None else of_turn]


def fit_with_edits(
    data: RatedResponses,
    features: np.ndarray,
    edits: EditedTexts,
    edit_features: np.ndarray,
    depths: int,
    first: np.ndarray | None = None,
) -> FittedHead:
    """As `fit`, of rated responses (N, F) and after them the texts of better answers (M, F).

    `first` (N,): see there. What is known of rated responses comes first in the result, too.
    """
    if not edits.better:
        return fit(features, data.judgements, data.prompts, data.reference, depths, first)
    none = np.zeros(len(edits.ids), dtype=bool)
    # what is normal is what the model writes
    reference = data.reference if data.reference.sum() >= 2 else np.ones_like(data.reference)
    return fit(
        np.concatenate([features, edit_features]),
        judgements_with_edits(data.judgements, data.ids, edits),
        np.concatenate([data.prompts, edits.prompts]),
        np.concatenate([reference, none]),
        depths,
        None if first is None else np.concatenate([first, none]),
    )


def judgements_with_edits(told: Judgements, ids: Sequence[int], edits: EditedTexts) -> Judgements:
    """What was said of responses `ids` and, as comparisons that are won, of better answers and what they replace."""
    place = {text: row for row, text in enumerate((*ids, *edits.ids))}
    raters = tuple(sorted({*told.rater_ids, *edits.raters}))
    number = {rater: index for index, rater in enumerate(raters)}
    moved = np.array([number[rater] for rater in told.rater_ids], dtype=int)
    better, replaced = ([place[text] for text in texts] for texts in (edits.better, edits.replaced))
    return replace(
        told,
        kind=np.concatenate([told.kind, np.full(len(better), COMPARISON)]),
        row=np.concatenate([told.row, np.array(better, dtype=int)]),
        other=np.concatenate([told.other, np.array(replaced, dtype=int)]),
        rater=np.concatenate([moved[told.rater], np.array([number[r] for r in edits.raters], dtype=int)]),
        said=np.concatenate([told.said, np.ones(len(better))]),
        rater_ids=raters,
        responses=len(place),
    )
