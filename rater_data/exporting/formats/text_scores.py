"""What people say of each text as a number: scores and comparisons, prompt by prompt.

Only ratings that count now, of raters who are not excluded. Equal texts of a prompt are one text; what stood before
them tells prompts apart: an answer and a continuation are never a pair. Each rater's habit of
scoring high or low is taken off (`rater_effects.rater_offsets`), unless two texts are compared by the raters who saw
both. Of comparisons (scale `pair`) a text's score is its strength from −1 to 1: see `bradley_terry`.
Better answers that people wrote stand beside the texts: nobody scored them.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rater_data.round_settings import Told
from rater_data.scales import SCALES, VERDICTS, Scale
from rater_data.statistics import agreement, rater_effects
from rater_data.statistics.bradley_terry import strengths
from rater_data.statistics.intervals import Interval
from rater_data.store import Store
from rater_data.store.reports.export_rows import RatingFilter

DIGITS = 9  # offsets are sums of floats: what differs in the twelfth digit is a tie
MAX_AGREEMENT_UNITS = (
    20_000  # responses that agreement is measured on: more would not make its interval matter
)


class Score(NamedTuple):
    """One rater's score of a text: less the rater's offset, and as it was given."""

    rater: int
    corrected: float
    given: float


class Comparison(NamedTuple):
    """One rater's comparison of two texts of a prompt (indices): from −1 (the first is better) to 1."""

    first: int
    second: int
    rater: int
    score: float


@dataclass(frozen=True, slots=True)
class BetterText:
    """What `raters` wrote, each by themselves, in place of a text."""

    text: str
    replaces: str
    raters: frozenset[int]


@dataclass(slots=True)
class ScoredText:
    """A text with its scores; `strength` where it was only compared."""

    text: str
    scores: list[Score]
    strength: float | None = None

    @property
    def score(self) -> float:
        """In points of the scale; a strict rater's 10 may lie above it. Of comparisons, the strength."""
        if self.strength is not None:
            return self.strength
        return sum(score.corrected for score in self.scores) / len(self.scores)

    @property
    def raters(self) -> set[int]:
        """Who scored it."""
        return {score.rater for score in self.scores}

    def means_by_rater(self) -> dict[int, float]:
        """Each rater's own mean of the scores they gave."""
        given: dict[int, list[float]] = defaultdict(list)
        for score in self.scores:
            given[score.rater].append(score.given)
        return {rater: sum(scores) / len(scores) for rater, scores in given.items()}


@dataclass(frozen=True, slots=True)
class ScoredPrompt:
    """A prompt (a row of `prompts_with_responses`) with its messages, and what stood before its texts.

    These are in the order they were written, and so are the comparisons.
    """

    prompt: Any
    messages: list[dict[str, str]]
    told: Told
    texts: list[ScoredText]
    comparisons: list[Comparison]
    better: list[BetterText]


class TextScores:
    """All scores and comparisons that count, as numbers; texts are read when they are asked for."""

    def __init__(self, store: Store, rating_filter: RatingFilter) -> None:
        self.store = store
        self.comparisons: list[Any] = []
        scale: Scale | None = None
        frames: list[pd.DataFrame] = []
        for rows in store.current_ratings(rating_filter):
            scale = scale or SCALES[rows[0].scale]
            # a comparison, and what teaches nothing, is no score
            self.comparisons += [
                row for row in rows if row.other_id is not None and VERDICTS[row.verdict].counts
            ]
            scored = [
                (row.response_id, row.rater_id, row.prompt_id, score)
                for row in rows
                if row.other_id is None
                and (score := VERDICTS[row.verdict].as_score(row.score, SCALES[row.scale])) is not None
            ]
            frames.append(_score_frame(scored))
        self.scale = scale or store.scale()
        self.frame = pd.concat(frames, ignore_index=True) if frames else _score_frame([])
        offsets = pd.Series(rater_effects.rater_offsets(self.frame), dtype="float64")
        offset = self.frame["rater_id"].map(offsets).astype("float64").to_numpy()
        self.frame = self.frame.assign(corrected=self.frame["score"].to_numpy() - offset)
        self.strengths = strengths(self.comparisons)
        self.edits = store.current_edits(rating_filter)

    def prompts(self, told: Mapping[int, Told]) -> Iterator[ScoredPrompt]:
        """Every prompt with a score, a comparison or a better answer, by id; once for each way in which it was `told`.

        `told` is by round.
        """
        frame = self.frame.sort_values("prompt_id", kind="stable")
        prompt_ids = frame["prompt_id"].to_numpy()
        columns = [frame[name].to_numpy() for name in ("response_id", "rater_id", "corrected", "score")]
        comparisons: dict[int, list[Any]] = defaultdict(list)
        for row in self.comparisons:
            comparisons[row.prompt_id].append(row)
        edits: dict[int, list[Any]] = defaultdict(list)
        for row in self.edits:
            edits[row.prompt_id].append(row)
        for prompts, responses in self.store.prompts_with_responses(self._prompt_ids()):
            responses_of: dict[int, list[Any]] = defaultdict(list)
            for response in responses:
                responses_of[response.prompt_id].append(response)
            for prompt in prompts:
                start, end = np.searchsorted(prompt_ids, [prompt.id, prompt.id + 1])
                scores: dict[int, list[Score]] = defaultdict(list)
                for response_id, *score in zip(
                    *(column[start:end].tolist() for column in columns), strict=True
                ):
                    scores[response_id].append(Score(*score))
                messages = json.loads(prompt.messages)
                for before, texts in _texts_by_what_was_told(responses_of[prompt.id], messages, told):
                    scored = self._scored_texts(texts, scores)
                    compared = [row for row in comparisons[prompt.id] if row.response_id in texts]
                    better = _better_texts(edits[prompt.id], texts)
                    if scored or better:
                        yield ScoredPrompt(
                            prompt,
                            messages,
                            before,
                            list(scored.values()),
                            _comparisons_of(compared, texts, list(scored)),
                            better,
                        )

    def _prompt_ids(self) -> list[int]:
        compared = {row.prompt_id for row in (*self.comparisons, *self.edits)}
        return sorted(compared | set(map(int, self.frame["prompt_id"].unique())))

    def _scored_texts(self, texts: dict[int, str], scores: dict[int, list[Score]]) -> dict[str, ScoredText]:
        """By text: `texts` and `scores` are by response, and equal texts become one."""
        scored: dict[str, ScoredText] = {}
        strengths_of: dict[str, list[float]] = defaultdict(list)
        for response, text in texts.items():
            if response not in scores and response not in self.strengths:
                continue
            scored.setdefault(text, ScoredText(text, [])).scores.extend(scores.get(response, ()))
            if response in self.strengths:
                strengths_of[text].append(self.strengths[response])
        for text, values in strengths_of.items():
            if not scored[text].scores:
                scored[text].strength = sum(values) / len(values)
        return scored

    def alpha(self) -> Interval | None:
        """How far raters agree: Krippendorff's alpha of at most MAX_AGREEMENT_UNITS responses or pairs."""
        frame = self.frame
        if self.comparisons:
            rows = [
                (row.response_id, row.other_id, row.rater_id, row.score or 0.0) for row in self.comparisons
            ]
            frame = pd.DataFrame(rows, columns=agreement.ALPHA_COLUMNS)
        return agreement.alpha_of_frame(frame, MAX_AGREEMENT_UNITS)

    def ratings_by_rater(self) -> dict[int, int]:
        """How many ratings that count each rater gave."""
        counts = self.frame["rater_id"].value_counts().to_dict()
        for row in self.comparisons:
            counts[row.rater_id] = counts.get(row.rater_id, 0) + 1
        return {int(rater): int(count) for rater, count in counts.items()}


def _texts_by_what_was_told(
    responses: list[Any], messages: list[dict[str, str]], told: Mapping[int, Told]
) -> list[tuple[Told, dict[int, str]]]:
    """The texts of a prompt by response, apart where something else stood before them; what is not known is nothing."""
    groups: dict[Told, dict[int, str]] = defaultdict(dict)
    for response in responses:
        before = told.get(response.round_number, Told()).to_prompt(messages)
        groups[before][response.id] = response.text
    return list(groups.items())


def _better_texts(edits: list[Any], texts: dict[int, str]) -> list[BetterText]:
    """Of the edits those to these texts (by response), in the order they were written; equal ones are one."""
    raters: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in edits:
        if row.response_id in texts:
            raters[row.text, texts[row.response_id]].add(row.rater_id)
    return [BetterText(text, replaces, frozenset(by)) for (text, replaces), by in raters.items()]


def _comparisons_of(rows: list[Any], texts: dict[int, str], order: list[str]) -> list[Comparison]:
    index = {text: i for i, text in enumerate(order)}
    return [
        Comparison(index[texts[row.response_id]], index[texts[row.other_id]], row.rater_id, row.score or 0.0)
        for row in rows
    ]


def _score_frame(rows: list[tuple[int, int, int, float]]) -> pd.DataFrame:
    types = {"response_id": "int64", "rater_id": "int64", "prompt_id": "int64", "score": "float64"}
    return pd.DataFrame(rows, columns=list(types)).astype(types)
