"""The card of an exported dataset: what is in it and how it came about, for whoever opens it later."""

_ABOUT = {
    "ratings": """\
Every rating that people gave to responses of a language model, with earlier revisions (`is_current` false).

`score` is on the raters' scale, `score_normalised` from 0 to 1; both are null where the verdict is not
`rated`. `rater` is a pseudonym that stays the same from export to export. Times are in UTC. Rows with
`split` holdout were never trained on: keep it so. Round 0 holds imported responses, which no policy version
wrote.""",
    "preference": """\
Pairs of responses to the same prompt in the form that TRL reads: `prompt`, `chosen`, `rejected`.

`margin` is the difference of their mean scores in points of the raters' scale, after each rater's habit of
scoring high or low was taken off. Equal texts and ties are left out.""",
}

_CARD = """\
---
task_categories:
- text-generation
tags:
- rlhf
- human-feedback
---

# {title} from Rateloop

{about}

{rows} rows. Load with `datasets.load_from_disk`.

## Columns

{columns}

## Before sharing

Comments and prompts are as people wrote them: look for names and other private things. State a licence, and
that the raters agreed.
"""


def card(what: str, columns: list[str], rows: int) -> str:
    """The text of README.md in a dataset folder."""
    listed = "\n".join(f"- `{name}`" for name in columns)
    return _CARD.format(title=what.capitalize(), about=_ABOUT[what], rows=rows, columns=listed)
