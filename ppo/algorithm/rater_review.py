"""What is known of the raters, for the operator: habits, who is to be named, and the head with and without them.

A head that a rater taught would flatter them. So what is expected of a rater's responses comes from ratings of the
others alone, and where others rated the same response, from other prompts than that one: what they said of it is
counted by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ppo.algorithm import kernel_ridge
from ppo.algorithm.leaving_out import FEWEST_TAUGHT, Effect, effects_of_leaving_out
from ppo.reward.features import Standard
from rater_data.records import RatedResponse
from rater_data.statistics.rater_effects import corrected_scores
from rater_data.statistics.rater_findings import rater_findings
from rater_data.statistics.rater_habits import rater_habits
from rater_data.statistics.score_frame import score_frame, shared_rows

MOST_RATERS = 30  # those with the most ratings are looked at with a head; the others by what others said
MOST_LEFT_OUT = 50  # of how many raters it is known what leaving them out does to the head


class Reviewed:
    """Ratings of responses whose features were read: `ids` (N,), `features` (N, F), `prompts` (N,)."""

    def __init__(
        self, rated: Sequence[RatedResponse], ids: Sequence[int], features: np.ndarray, prompts: np.ndarray
    ) -> None:
        self.row = {response: number for number, response in enumerate(ids)}
        self.rated = [r for r in rated if r.rating.response_id in self.row]
        first = _first_of_equal_texts(self.rated)
        frame = score_frame(self.rated)
        self.frame = frame.assign(response_id=frame["response_id"].map(first))
        self.prompts = prompts
        self._without: dict[int, dict[int, float]] = {}
        standardised = Standard.of(features).apply(features)
        self.kernel = kernel_ridge.kernel_of(standardised * kernel_ridge.block_weights(features.shape[1]))

    def review(self) -> dict[str, Any]:
        """{"ratings", "raters", "findings", "head"} as JSON; "head": by rater, what leaving them out does."""
        habits = rater_habits(self.frame, self.expectations())
        findings = rater_findings(habits)
        named = [f.rater_id for f in findings if not f.others]
        return {
            "ratings": len(self.frame),
            "raters": [asdict(h) for h in habits],
            "findings": [asdict(f) for f in findings],
            "head": self.effects(named),
        }

    def expectations(self) -> dict[tuple[int, int], float]:
        """By (rater, response): what a head that the others taught says of every response that the rater saw."""
        counts = self.frame["rater_id"].value_counts()
        if len(counts) < 2:
            return {}
        shared = shared_rows(self.frame)
        found: dict[tuple[int, int], float] = {}
        for rater in counts.index[:MOST_RATERS]:
            seen = self._seen(rater)
            also_others = set(shared.loc[shared["rater_id"] == rater, "prompt_id"])
            taught = self._scores_without(rater)
            rows = np.array([self.row[i] for i in taught], dtype=int)
            kept = ~np.isin(self.prompts[rows], sorted(also_others))
            if kept.sum() < FEWEST_TAUGHT:
                continue
            ratings = np.array(list(taught.values()))
            said = kernel_ridge.predict(self.kernel, rows[kept], ratings[kept], self._rows(seen))
            found |= {(int(rater), i): float(s) for i, s in zip(seen, said, strict=True)}
        return found

    def effects(self, named: Collection[int]) -> dict[str, Any]:
        """By rater, how a head agrees with the *others* on prompts it was not fitted on, with this rater and without.

        Of the `named` ones and, up to MOST_LEFT_OUT, of those who said most: who says little can change little.
        """
        counts = self.frame["rater_id"].value_counts()
        raters = [int(r) for r in counts.index if r in named]
        raters += [int(r) for r in counts.index if r not in raters][: MOST_LEFT_OUT - len(raters)]
        everybody = self._by_row(corrected_scores(self.rated))
        others = {rater: self._by_row(self._scores_without(rater)) for rater in raters}
        found = effects_of_leaving_out(self.kernel, self.prompts, everybody, others)
        return {str(rater): self._as_json(effect, int(counts[rater])) for rater, effect in found.items()}

    def _as_json(self, effect: Effect | None, ratings: int) -> dict[str, Any]:
        if effect is None:
            return {"with": None, "without": None, "ratings": ratings}
        return {
            "with": effect.with_rater,
            "without": effect.without,
            "low": effect.low,
            "high": effect.high,
            "responses": effect.responses,
            "ratings": ratings,
        }

    def _by_row(self, scores: Mapping[int, float]) -> dict[int, float]:
        return {self.row[i]: score for i, score in scores.items() if i in self.row}

    def _rows(self, responses: Sequence[int]) -> np.ndarray:
        return np.array([self.row[i] for i in responses], dtype=int)

    def _seen(self, rater: int) -> list[int]:
        own = self.frame[self.frame["rater_id"] == rater]
        ids = {*own["response_id"], *own["other_id"].dropna().astype("int64")}
        return sorted(int(i) for i in ids if i in self.row)

    def _scores_without(self, rater: int) -> dict[int, float]:
        if rater not in self._without:
            scores = corrected_scores(r for r in self.rated if r.rating.rater_id != rater)
            self._without[rater] = {i: s for i, s in scores.items() if i in self.row}
        return self._without[rater]


def _first_of_equal_texts(rated: Sequence[RatedResponse]) -> dict[int, int]:
    """For each response the first one with that text: anchors are one response in many rounds, judged by many."""
    first: dict[tuple[int, str], int] = {}
    found = {}
    for row in rated:
        known = row.rating.response_id
        found[known] = first.setdefault((row.response.prompt_id, row.response.text), known)
    return found
