"""A text classifier as a rater: what it thinks of one of its labels, on the scale's 1–10."""

import inspect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ppo.demo.classifier_loading import load_model, token_limit
from rater_data.errors import BadInput
from rater_data.rater_functions import LOGIT, PROBABILITY, ClassifierName
from rater_data.scales import SCALES

SCALE = SCALES["score_1_10"]
BATCH = 32  # texts read at once
LABELS_LISTED = 30


@dataclass(frozen=True)
class Reading:
    """What of the label's outputs becomes a share of the scale, from 0 to 1.

    `by`: `probability` (softmax over the labels) or `logit` (the label's own output: through the logistic function, or
    linear and cut from `low` to `high` where these are given).
    """

    by: str
    low: float | None = None
    high: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Reading":
        """`probability`, `logit` or `logit=LOW..HIGH`. Raises BadInput."""
        by, equals, bounds = text.partition("=")
        if not equals and by in (PROBABILITY, LOGIT):
            return cls(by)
        first, _, last = bounds.partition("..")
        try:
            low, high = float(first), float(last)
        except ValueError:
            low, high = math.nan, math.nan
        if by != LOGIT or not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise BadInput(
                f"{text!r} is no way to read a classifier: there are {PROBABILITY}, {LOGIT} and logit=LOW..HIGH, "
                "as in logit=-3..3."
            )
        return cls(by, low, high)

    def shares(self, logits: Tensor, label: int) -> Tensor:
        """The share of the scale (N) of one label of logits (N, L)."""
        own = logits[:, label].double()
        if self.low is not None and self.high is not None:
            return ((own - self.low) / (self.high - self.low)).clamp(0, 1)
        if self.by == LOGIT:
            return own.sigmoid()
        return logits.double().softmax(-1)[:, label]

    def __str__(self) -> str:
        if self.low is not None:
            return f"the logit ({self.low:g} → {SCALE.low:g}, {self.high:g} → {SCALE.high:g})"
        by = "the logit through the logistic function" if self.by == LOGIT else "the probability"
        return f"{by} (0 → {SCALE.low:g}, 1 → {SCALE.high:g})"


@dataclass(frozen=True)
class Classifier:
    """A loaded classifier and what is wanted of it. `label`: the output that is read; `limit`: tokens it reads."""

    name: str
    model: PreTrainedModel
    tokenizer: Any
    label: int
    reading: Reading
    limit: int

    @torch.no_grad()
    def scores(self, texts: Sequence[str]) -> list[float]:
        """Each text's score from 1 to 10; of what is longer than `limit` tokens the end is left out."""
        found = [0.0] * len(texts)
        for places, inputs in self._batches(texts):
            logits = self.model(**inputs).logits
            shares = self.reading.shares(logits, self.label)
            for place, share in zip(places, shares.tolist(), strict=True):
                found[place] = SCALE.low + share * (SCALE.high - SCALE.low)
        return found

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
        """Places and inputs of texts of one length: no padding, so a text's score does not depend on its company."""
        rows = [self._read(text) for text in texts]
        places: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(len(row["input_ids"]), []).append(place)
        # A decoder without a padding token finds the end of one text only
        size = 1 if self.model.config.get_text_config().pad_token_id is None else BATCH
        for same in places.values():
            for batch in (same[i : i + size] for i in range(0, len(same), size)):
                yield (
                    batch,
                    {
                        name: torch.tensor([rows[place][name] for place in batch], device=self.model.device)
                        for name in rows[batch[0]]
                    },
                )

    def _read(self, text: str) -> dict[str, list[int]]:
        """What the model is given of a text: `input_ids`, `attention_mask` and, where it takes them, segments.

        Control tokens that are spelled in the text are text.
        """
        read = self.tokenizer(text, truncation=True, max_length=self.limit, split_special_tokens=True)
        if not read["input_ids"]:  # an empty text, where the tokenizer adds nothing of its own
            read = {"input_ids": [self.tokenizer.eos_token_id or 0], "attention_mask": [1]}
        taken = inspect.signature(self.model.forward).parameters
        return {name: list(values) for name, values in read.items() if name in taken}

    def __str__(self) -> str:
        labels = labels_of(self.model)
        return (
            f"{self.name} rates by {self.reading} of its label {labels[self.label]!r} (it has {_listed(labels)}); "
            f"it reads {self.limit} tokens at most"
        )


@dataclass
class ClassifierRater:
    """Rates responses by themselves, or with `plain` each prompt with its continuation as one text."""

    classifier: Classifier
    plain: bool
    _known: dict[str, float] = field(default_factory=dict, repr=False)

    def __call__(self, prompt: str, response: str) -> float:
        return self.rate_all([(prompt, response)])[0]

    def __str__(self) -> str:
        return f"{self.classifier}, of {'prompt and continuation as one text' if self.plain else 'the response alone'}"

    def rate_all(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The scores of (prompt, response) pairs; a text that was scored before is not read again."""
        texts = [text_read(prompt, response, plain=self.plain) for prompt, response in pairs]
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= zip(new, self.classifier.scores(new), strict=True)
        return [self._known[text] for text in texts]


def text_read(prompt: str, response: str, *, plain: bool) -> str:
    """What a classifier reads: the response, or a prompt that it goes on in and the response as one text."""
    return prompt + response if plain else response


def load_classifier(name: ClassifierName, device: str = "auto") -> Classifier:
    """Raises Missing or BadInput with one sentence for a model that is no classifier and a label it does not have."""
    reading = Reading.parse(name.by)
    model, tokenizer = load_model(name.model, device)
    label = _pick_label(name, labels_of(model))
    if reading.by == PROBABILITY and not _labels_exclude_each_other(model):
        reading = Reading(LOGIT)
    return Classifier(name.model, model, tokenizer, label, reading, token_limit(model, tokenizer))


def labels_of(model: PreTrainedModel) -> list[str]:
    """The labels' names in the order of the outputs."""
    config: Any = model.config
    return [str(config.id2label.get(i, f"LABEL_{i}")) for i in range(config.num_labels)]


def _labels_exclude_each_other(model: PreTrainedModel) -> bool:
    """Whether softmax makes probabilities of its outputs, and not the logistic function of each."""
    config: Any = model.config
    return config.num_labels > 1 and config.problem_type != "multi_label_classification"


def _pick_label(name: ClassifierName, labels: list[str]) -> int:
    """By name, by name in other letters, by number; without one the only label, or the last of two."""
    wanted = name.label
    if wanted is None:
        if len(labels) > 2:
            raise BadInput(f"Name the label of {name.model!r} that earns a 10: it has {_listed(labels)}.")
        return len(labels) - 1
    if wanted in labels:
        return labels.index(wanted)
    same = [i for i, label in enumerate(labels) if label.casefold() == wanted.casefold()]
    if same:
        return same[0]
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(labels):
        return int(wanted)
    raise BadInput(f"Classifier {name.model!r} has no label {wanted!r}: it has {_listed(labels)}.")


def _listed(labels: list[str]) -> str:
    more = f" and {len(labels) - LABELS_LISTED} more" if len(labels) > LABELS_LISTED else ""
    return ", ".join(labels[:LABELS_LISTED]) + more
