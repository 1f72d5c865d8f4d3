"""What people answer for further qualities of a text (how correct, how clear …), put together by text."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from rater_data.checks import is_number
from rater_data.exporting.formats.text_scores import MAX_AGREEMENT_UNITS
from rater_data.round_settings import Told
from rater_data.statistics import agreement
from rater_data.statistics.intervals import Interval
from rater_data.store import Store
from rater_data.store.reports.export_rows import RatingFilter

RaterAnswers = tuple[int, dict[str, float]]
"""A rater, and their answer by quality."""


@dataclass(frozen=True, slots=True)
class TextQualities:
    """A text of a prompt (a row of `prompts_with_responses`): the mean answer by quality, and who answered.

    `continuation`: it goes on with the prompt's text.
    """

    prompt: Any
    text: str
    continuation: bool
    means: dict[str, float]
    raters: set[int]


class QualityScores:
    """Answers for further qualities. `column` names the one that a quality counts as: two may be the same."""

    def __init__(self, store: Store, rating_filter: RatingFilter, column: Callable[[str], str]) -> None:
        self.store = store
        # by prompt and response
        self.answers: dict[int, dict[int, list[RaterAnswers]]] = defaultdict(lambda: defaultdict(list))
        names: set[str] = set()
        for row in chain.from_iterable(store.current_attributes(rating_filter)):
            values: dict[str, list[float]] = defaultdict(list)
            for name, value in json.loads(row.attributes).items():
                if is_number(value):
                    values[column(name)].append(value)
            if values:
                names.update(values)
                self.answers[row.prompt_id][row.response_id].append((row.rater_id, _means(values)))
        self.names = sorted(names)

    def texts(self) -> Iterator[TextQualities]:
        """Every text with an answer, by prompt id; equal texts of a prompt are one."""
        told = self.store.told_by_round()
        for prompts, responses in self.store.prompts_with_responses(sorted(self.answers)):
            prompt_by_id = {prompt.id: prompt for prompt in prompts}
            texts: dict[tuple[int, str, bool], list[RaterAnswers]] = defaultdict(list)
            for response in responses:
                if answers := self.answers[response.prompt_id].get(response.id):
                    continued = told.get(response.round_number, Told()).continuation
                    texts[response.prompt_id, response.text, continued].extend(answers)
            for (prompt_id, text, continued), answers in sorted(texts.items(), key=lambda item: item[0][0]):
                values: dict[str, list[float]] = defaultdict(list)
                for _, by_name in answers:
                    for name, value in by_name.items():
                        values[name].append(value)
                raters = {rater for rater, _ in answers}
                yield TextQualities(prompt_by_id[prompt_id], text, continued, _means(values), raters)

    def _all_answers(self) -> Iterator[tuple[int, int, dict[str, float]]]:
        """Response, rater and the answers by quality."""
        for responses in self.answers.values():
            for response, answers in responses.items():
                yield from ((response, rater, by_name) for rater, by_name in answers)

    def ratings_by_rater(self) -> dict[int, int]:
        """How many ratings with answers each rater gave."""
        return dict(Counter(rater for _, rater, _ in self._all_answers()))

    def alphas(self) -> dict[str, Interval | None]:
        """How far raters agree on each quality: Krippendorff's alpha of at most MAX_AGREEMENT_UNITS responses."""
        frame = pd.DataFrame(
            [
                (response, rater, name, value)
                for response, rater, by_name in self._all_answers()
                for name, value in by_name.items()
            ],
            columns=["response_id", "rater_id", "name", "score"],
        )
        return {
            name: agreement.alpha_of_frame(frame[frame["name"] == name], MAX_AGREEMENT_UNITS)
            for name in self.names
        }


def _means(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: sum(given) / len(given) for name, given in values.items()}
