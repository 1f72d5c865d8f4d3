"""What people say of each text, put together: scores, pairs, further qualities; prompt by prompt.

Only what is said now counts, by raters who are not excluded. Equal texts of a prompt are one text. Each
rater's habit of scoring high or low is taken off (`rater_effects.rater_offsets`), unless two texts are compared by the
raters who saw both. Of comparisons (scale `pair`) a text's score is its strength from −1 to 1: see `bradley_terry`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np
import pandas as pd

from rater_data.scales import SCALES, VERDICTS, Scale
from rater_data.statistics import agreement, rater_effects
from rater_data.statistics.bradley_terry import strengths
from rater_data.statistics.intervals import Interval
from rater_data.store import Store
from rater_data.store.reports.export_rows import Which

DIGITS = 9  # offsets are sums of floats: what differs in the twelfth digit is a tie
MOST_SHARED = 20_000  # responses that agreement is measured on: more would not make its interval matter


@dataclass(slots=True)
class Text:
    """One text and what was said of it: (rater, corrected score, score as given) each."""

    text: str
    said: list[tuple[int, float, float]]
    strength: float | None = None

    @property
    def score(self) -> float:
        """In points of the scale; a strict rater's 10 may lie above it. Of comparisons, the strength."""
        if self.strength is not None:
            return self.strength
        return sum(corrected for _, corrected, _ in self.said) / len(self.said)

    @property
    def raters(self) -> set[int]:
        """Who said something."""
        return {rater for rater, _, _ in self.said}

    def by_rater(self) -> dict[int, float]:
        """Each rater's own mean of the scores they gave."""
        given: dict[int, list[float]] = defaultdict(list)
        for rater, _, score in self.said:
            given[rater].append(score)
        return {rater: sum(scores) / len(scores) for rater, scores in given.items()}


@dataclass(frozen=True, slots=True)
class Pair:
    """A text that is better than another one by `margin`; `raters` stand behind it.

    `agreement`: of the raters who said something of both and told them apart, the share who think so too.
    """

    chosen: str
    rejected: str
    margin: float
    chosen_score: float
    rejected_score: float
    raters: set[int]
    agreement: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt (a row of `Exports.asked`), its texts in the order they were written, and comparisons of them.

    A comparison: the places of two texts, who compared them, and from −1 (the first is better) to 1.
    """

    prompt: Any
    texts: list[Text]
    compared: list[tuple[int, int, int, float]]


class Judged:
    """Everything that counts, as numbers; texts are read when they are asked for."""

    def __init__(self, store: Store, which: Which) -> None:
        self.store = store
        self.comparisons: list[Any] = []
        scale: Scale | None = None
        parts: list[pd.DataFrame] = []
        for rows in store.said(which):
            scale = scale or SCALES[rows[0].scale]
            # a comparison, and what teaches nothing, is no score
            self.comparisons += [r for r in rows if r.other_id is not None and VERDICTS[r.verdict].counts]
            scored = [
                (row.response_id, row.rater_id, row.prompt_id, score)
                for row in rows
                if row.other_id is None
                and (score := VERDICTS[row.verdict].as_score(row.score, SCALES[row.scale])) is not None
            ]
            parts.append(_frame(scored))
        self.scale = scale or store.scale()
        self.frame = pd.concat(parts, ignore_index=True) if parts else _frame([])
        offsets = pd.Series(rater_effects.rater_offsets(self.frame), dtype="float64")
        habits = self.frame["rater_id"].map(offsets).astype("float64").to_numpy()
        self.frame = self.frame.assign(corrected=self.frame["score"].to_numpy() - habits)
        self.strengths = strengths(self.comparisons)

    def _prompts(self) -> list[int]:
        compared = {row.prompt_id for row in self.comparisons}
        return sorted(compared | set(map(int, self.frame["prompt_id"].unique())))

    def prompts(self) -> Iterator[Asked]:
        """Every prompt that something was said of, by id."""
        frame = self.frame.sort_values("prompt_id", kind="stable")
        places = frame["prompt_id"].to_numpy()
        columns = [frame[name].to_numpy() for name in ("response_id", "rater_id", "corrected", "score")]
        compared: dict[int, list[Any]] = defaultdict(list)
        for row in self.comparisons:
            compared[row.prompt_id].append(row)
        for prompts, responses in self.store.asked(self._prompts()):
            written: dict[int, dict[int, str]] = defaultdict(dict)
            for row in responses:
                written[row.prompt_id][row.id] = row.text
            for prompt in prompts:
                low, high = np.searchsorted(places, [prompt.id, prompt.id + 1])
                said = zip(*(column[low:high].tolist() for column in columns), strict=True)
                yield self._asked(prompt, written[prompt.id], list(said), compared[prompt.id])

    def _asked(self, prompt: Any, written: dict[int, str], said: list[tuple], compared: list[Any]) -> Asked:
        by_response: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
        for response, rater, corrected, score in said:
            by_response[response].append((rater, corrected, score))
        texts: dict[str, Text] = {}
        known: dict[str, list[float]] = defaultdict(list)
        for response, text in written.items():
            if response not in by_response and response not in self.strengths:
                continue
            texts.setdefault(text, Text(text, [])).said.extend(by_response[response])
            if response in self.strengths:
                known[text].append(self.strengths[response])
        for text, found in known.items():
            if not texts[text].said:
                texts[text].strength = sum(found) / len(found)
        at = {text: place for place, text in enumerate(texts)}
        pairs = [
            (at[written[row.response_id]], at[written[row.other_id]], row.rater_id, row.score or 0.0)
            for row in compared
        ]
        return Asked(prompt, list(texts.values()), pairs)

    def alpha(self) -> Interval | None:
        """How far raters agree: see `agreement.alpha`; of at most MOST_SHARED responses or pairs."""
        frame = self.frame
        if self.comparisons:
            said = [
                (row.response_id, row.other_id, row.rater_id, row.score or 0.0) for row in self.comparisons
            ]
            frame = pd.DataFrame(said, columns=agreement.ALPHA_COLUMNS)
        return agreement.alpha_of_frame(frame, MOST_SHARED)

    def raters(self) -> dict[int, int]:
        """How many ratings that count each rater gave."""
        found = self.frame["rater_id"].value_counts().to_dict()
        for row in self.comparisons:
            found[row.rater_id] = found.get(row.rater_id, 0) + 1
        return {int(rater): int(count) for rater, count in found.items()}


def _frame(scored: list[tuple[int, int, int, float]]) -> pd.DataFrame:
    kinds = {"response_id": "int64", "rater_id": "int64", "prompt_id": "int64", "score": "float64"}
    return pd.DataFrame(scored, columns=list(kinds)).astype(kinds)


def pairs_of(asked: Asked, *, min_margin: float, same_rater: bool, ties: bool) -> Iterator[Pair]:
    """Of each two texts of a prompt, which one people prefer; comparisons say it directly."""
    scored = [text for text in asked.texts if text.said]
    for a, b in combinations(scored, 2):
        own = _both(a, b)
        if same_rater and not own:
            continue
        if same_rater:
            scores = [sum(side) / len(own) for side in zip(*own.values(), strict=True)]
        else:
            scores = [a.score, b.score]
        margin = round(scores[0] - scores[1], DIGITS)
        told = [np.sign(one - two) for one, two in own.values()]
        raters = set(own) if same_rater else a.raters | b.raters
        if (margin or ties) and abs(margin) >= min_margin:
            yield _pair((a, b), scores, margin, raters, told)
    met: dict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
    for first, second, rater, score in asked.compared:
        # told from the side of the one that was written first; equal texts cannot differ
        if first != second:
            met[min(first, second), max(first, second)].append((rater, -score if first < second else score))
    for (first, second), answers in met.items():
        a, b = asked.texts[first], asked.texts[second]
        margin = round(sum(score for _, score in answers) / len(answers), DIGITS)
        told = [score for _, score in answers]
        if (margin or ties) and abs(margin) >= min_margin:
            yield _pair((a, b), [a.score, b.score], margin, {rater for rater, _ in answers}, told)


def _both(a: Text, b: Text) -> dict[int, tuple[float, float]]:
    """What the raters who scored both gave to each."""
    one, two = a.by_rater(), b.by_rater()
    return {rater: (one[rater], two[rater]) for rater in sorted(one.keys() & two.keys())}


def _pair(
    texts: tuple[Text, Text], scores: list[float], margin: float, raters: set[int], told: list[float]
) -> Pair:
    """Of a tie, the text that was written first stands as chosen."""
    better, worse = (0, 1) if margin >= 0 else (1, 0)
    sides = [side for side in told if side]
    right = sum((side > 0) == (margin >= 0) for side in sides)
    return Pair(
        chosen=texts[better].text,
        rejected=texts[worse].text,
        margin=abs(margin),
        chosen_score=round(scores[better], DIGITS),
        rejected_score=round(scores[worse], DIGITS),
        raters=raters,
        agreement=right / len(sides) if sides and margin else None,
    )


class Qualities:
    """Answers for further qualities. `column` names the one that a quality counts as: two may be the same."""

    def __init__(self, store: Store, which: Which, column: Callable[[str], str]) -> None:
        self.store = store
        # by prompt and response: who answered what
        self.found: dict[int, dict[int, list[tuple[int, dict[str, float]]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        names: set[str] = set()
        for row in chain.from_iterable(store.qualities(which)):
            said: dict[str, list[float]] = defaultdict(list)
            for name, value in json.loads(row.attributes).items():
                if _is_number(value):
                    said[column(name)].append(value)
            if said:
                names.update(said)
                self.found[row.prompt_id][row.response_id].append((row.rater_id, _means(said)))
        self.names = sorted(names)

    def texts(self) -> Iterator[tuple[Any, str, dict[str, float], set[int]]]:
        """The prompt, the text, the means of what its raters answered, and who they are."""
        for prompts, responses in self.store.asked(sorted(self.found)):
            about = {prompt.id: prompt for prompt in prompts}
            texts: dict[tuple[int, str], list[tuple[int, dict[str, float]]]] = defaultdict(list)
            for row in responses:
                if said := self.found[row.prompt_id].get(row.id):
                    texts[row.prompt_id, row.text].extend(said)
            for (prompt_id, text), said in sorted(texts.items(), key=lambda one: one[0][0]):
                values: dict[str, list[float]] = defaultdict(list)
                for _, answers in said:
                    for name, value in answers.items():
                        values[name].append(value)
                yield about[prompt_id], text, _means(values), {rater for rater, _ in said}

    def _said(self) -> Iterator[tuple[int, int, dict[str, float]]]:
        for responses in self.found.values():
            for response, said in responses.items():
                yield from ((response, rater, answers) for rater, answers in said)

    def raters(self) -> dict[int, int]:
        """How many ratings with answers each rater gave."""
        return dict(Counter(rater for _, rater, _ in self._said()))

    def alphas(self) -> dict[str, Interval | None]:
        """How far raters agree on each quality: see `agreement.alpha`; of at most MOST_SHARED responses."""
        frame = pd.DataFrame(
            [(i, rater, name, score) for i, rater, said in self._said() for name, score in said.items()],
            columns=["response_id", "rater_id", "name", "score"],
        )
        return {
            name: agreement.alpha_of_frame(frame[frame["name"] == name], MOST_SHARED) for name in self.names
        }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _means(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: sum(given) / len(given) for name, given in values.items()}
