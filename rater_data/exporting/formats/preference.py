"""The format `preference`: pairs of responses to one prompt, the better one first, as TRL's preference trainers read.

Source: TRL, "Dataset formats and types" (preference, explicit prompt).
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import pyarrow as pa

from rater_data.exporting.formats.base import RATERS, FormatRows, RowStream
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.prompt_rows import PromptContext, stream_prompt_rows
from rater_data.exporting.formats.text_scores import DIGITS, ScoredPrompt, ScoredText, TextScores
from rater_data.store import Store

NUMBERS = ("margin", "chosen_score", "rejected_score")
COLUMNS = [
    *((name, None) for name in ("prompt", "chosen", "rejected")),
    *((name, pa.float64()) for name in NUMBERS),
    RATERS,
    ("agreement", pa.float64()),
    ("edited", pa.bool_()),
]
SURE = 1.0
"""The margin of a better answer, to which nobody gave points: as if all compared the two and thought so."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A text that is better than another one by `margin`; `raters` stand behind it.

    `agreement`: of the raters who judged both and told them apart, the share who think so too. `edited`: they wrote the
    chosen text in place of the other one, and nobody scored it.
    """

    chosen: str
    rejected: str
    margin: float
    chosen_score: float | None
    rejected_score: float | None
    raters: set[int]
    agreement: float | None
    edited: bool = False


def stream_pairs(store: Store, request: ExportRequest) -> RowStream:
    def rows(prompt: ScoredPrompt, context: PromptContext) -> Iterator[dict[str, Any]]:
        for pair in pairs_of(
            prompt, min_margin=request.min_margin, same_rater=request.same_rater, ties=request.ties
        ):
            yield {
                "prompt": context.prompt_value,
                "chosen": context.answer(pair.chosen),
                "rejected": context.answer(pair.rejected),
                **{name: getattr(pair, name) for name in NUMBERS},
                "raters": context.pseudonyms(pair.raters),
                "agreement": pair.agreement,
                "edited": pair.edited,
            }

    return stream_prompt_rows(store, request, TextScores(store, request.rating_filter), COLUMNS, rows)


def pairs_of(prompt: ScoredPrompt, *, min_margin: float, same_rater: bool, ties: bool) -> Iterator[Pair]:
    """Of each two texts of a prompt, which one people prefer: by their scores, then as comparisons say, then as people
    wrote a better one."""
    found = (_pairs_by_score(prompt, same_rater), _pairs_by_comparison(prompt), _pairs_by_edit(prompt))
    for pair in chain(*found):
        if (pair.margin or ties) and pair.margin >= min_margin:
            yield pair


def _pairs_by_score(prompt: ScoredPrompt, same_rater: bool) -> Iterator[Pair]:
    for first, second in combinations([text for text in prompt.texts if text.scores], 2):
        both = _scores_of_same_raters(first, second)
        if not same_rater:
            scores = [first.score, second.score]
        elif both:
            scores = [sum(side) / len(both) for side in zip(*both.values(), strict=True)]
        else:
            continue
        yield _pair(
            (first, second),
            scores,
            margin=round(scores[0] - scores[1], DIGITS),
            raters=set(both) if same_rater else first.raters | second.raters,
            preferences=[a - b for a, b in both.values()],
        )


def _pairs_by_comparison(prompt: ScoredPrompt) -> Iterator[Pair]:
    answers: dict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
    for first, second, rater, score in prompt.comparisons:
        if first == second:
            continue  # equal texts cannot differ
        # above 0 where the text that was written first is the better one
        preference = -score if first < second else score
        answers[min(first, second), max(first, second)].append((rater, preference))
    for (first, second), given in answers.items():
        texts = prompt.texts[first], prompt.texts[second]
        preferences = [preference for _, preference in given]
        yield _pair(
            texts,
            [text.score for text in texts],
            margin=round(sum(preferences) / len(preferences), DIGITS),
            raters={rater for rater, _ in given},
            preferences=preferences,
        )


def _pairs_by_edit(prompt: ScoredPrompt) -> Iterator[Pair]:
    for better in prompt.better:
        yield Pair(better.text, better.replaces, SURE, None, None, set(better.raters), 1.0, edited=True)


def _scores_of_same_raters(first: ScoredText, second: ScoredText) -> dict[int, tuple[float, float]]:
    """By rater, of those who scored both: their mean score of each."""
    a, b = first.means_by_rater(), second.means_by_rater()
    return {rater: (a[rater], b[rater]) for rater in sorted(a.keys() & b.keys())}


def _pair(
    texts: tuple[ScoredText, ScoredText],
    scores: list[float],
    *,
    margin: float,
    raters: set[int],
    preferences: list[float],
) -> Pair:
    """`margin` and `preferences` above 0 are for the first text. Of a tie, the text written first stands as chosen."""
    chosen, rejected = (0, 1) if margin >= 0 else (1, 0)
    decided = [preference for preference in preferences if preference]
    agreeing = sum((preference > 0) == (margin >= 0) for preference in decided)
    return Pair(
        chosen=texts[chosen].text,
        rejected=texts[rejected].text,
        margin=abs(margin),
        chosen_score=round(scores[chosen], DIGITS),
        rejected_score=round(scores[rejected], DIGITS),
        raters=raters,
        agreement=agreeing / len(decided) if decided and margin else None,
    )


PREFERENCE = FormatRows(
    stream=stream_pairs,
    source="pairs of differently rated responses to one prompt",
    about="""\
Pairs of responses to the same prompt in the form that TRL reads: `prompt`, `chosen`, `rejected`.

`margin` is the difference of their mean scores in points of the raters' scale, after each rater's habit of scoring
high or low was taken off; of comparisons, the mean answer from 0 to 1. `raters` are those who stand behind the pair,
`agreement` the share of them who think so too, of those who saw both and told them apart. Equal texts are one.
Where `edited` is true, a rater wrote the chosen text in place of the rejected one: nobody scored it, and `margin` is
1.""",
)
