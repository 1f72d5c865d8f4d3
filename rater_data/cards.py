"""The card of an exported dataset: what is in it and how it came about, for whoever opens it later."""

import json

import pyarrow as pa

from rater_data.formats import HELPSTEER, Wish
from rater_data.judged import Judged
from rater_data.scales import ATTRIBUTE_WORDS, SCALES, Scale, offered
from rater_data.store import Store

_ABOUT = {
    "ratings": """\
Every rating that people gave to responses of a language model, with earlier revisions (`is_current` false).

`score` is on the raters' scale, `score_normalised` from 0 to 1; both are null where the verdict is not
`rated`. `rater` is a pseudonym that stays the same from export to export. Times are in UTC. Round 0 holds
imported responses, which no policy version wrote.""",
    "preference": """\
Pairs of responses to the same prompt in the form that TRL reads: `prompt`, `chosen`, `rejected`.

`margin` is the difference of their mean scores in points of the raters' scale, after each rater's habit of scoring
high or low was taken off; of comparisons, the mean answer from 0 to 1. `raters` are those who stand behind the pair,
`agreement` the share of them who think so too, of those who saw both and told them apart. Equal texts are one.""",
    "prompt-completion": """\
Texts with what people think of them, in the form that TRL reads: `prompt`, `completion`.

`score` is the mean of its raters' scores in points of the scale, after each rater's habit of scoring high or low was
taken off; of comparisons, a strength from −1 to 1.""",
    "unpaired": """\
Texts that people call good or not, in the form that TRL reads: `prompt`, `completion`, `label`.

`label` is true from a threshold on `score`: the mean of its raters' scores in points of the scale, after each rater's
habit of scoring high or low was taken off (of comparisons, a strength from −1 to 1).""",
    "helpsteer": f"""\
Texts with further qualities in the shape of HelpSteer: whole numbers from 0 to 4, null where nobody answered.

The mean of the raters' answers from 1 to 5, less 1, to the nearest whole number. HelpSteer's own columns are
{", ".join(f"`{name}`" for name in HELPSTEER)}; other columns are qualities that only these raters were asked for.
From 0 to 4: {", ".join(ATTRIBUTE_WORDS)}.""",
}
_TASKS = {"ratings": "text-classification", "helpsteer": "text-classification"}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_CARD = """\
---
pretty_name: {title} from Rateloop
task_categories:
- {task}
tags:
- rlhf
- human-feedback
size_categories:
- {size}
configs:
- config_name: default
  data_files:
{files}
---

# {title} from Rateloop

{about}

{rows} rows: {parts}. Load with `datasets.load_dataset` and this folder's path.

## How it was made

People rated responses of a language model one at a time{compared}, blind: no version, no model score and no other
rater's answer was shown, and the order of the responses to a prompt was shuffled for each rater. A share of the
responses went to several raters, so that agreement can be measured; some came from the version before (`control`)
and some from the first round again (`anchor`).

The scale, as raters saw it:

{scale}

Instead of a score:

{verdicts}

A prompt's part follows from its sha256 alone (of its messages as JSON, keys sorted, no blanks): the first 8 bytes
modulo 20 are 0 for test, 1 for validation, else train. Holdout prompts, which the policy was never trained on, are
never in train: even goes to test, odd to validation.

## Raters and agreement

{raters}

## Known biases

- A handful of raters is no sample of anybody: what they like is what this data likes.
- Raters differ in how high they score; {offsets}
- The prompts are those the operators chose, and the responses those of one model and its trained descendants: what the
  model never writes is not here. `propensity` in the format `ratings` tells how likely a prompt was drawn.
- Later rounds were written by versions trained on earlier ones.

## Personal data

Raters appear by pseudonym, which only the home it came from can turn back into a name. Prompts, responses and comments
are as people and the model wrote them and may name persons: read them before sharing. State a licence, and that the
raters agreed.

## Columns

{columns}

## Reproduce

```
{command}
```

| file | sha256 |
|---|---|
{sums}

`sha256sum -c rateloop.sha256` checks them.
"""


def card(
    store: Store, wish: Wish, out: str, schema: pa.Schema, counts: dict[str, int], sums: dict[str, str]
) -> str:
    """The text of README.md in a dataset folder."""
    judged, rows = Judged(store, wish.which), sum(counts.values())
    scale = judged.scale
    files = "".join(f"  - split: {part}\n    path: data/{part}-*.parquet\n" for part in counts)
    return _CARD.format(
        title=wish.format.replace("-", " ").capitalize(),
        task=_TASKS.get(wish.format, "text-generation"),
        size=next((name for most, name in _SIZES if rows < most), "n>1M"),
        files=files.rstrip("\n"),
        about=_ABOUT[wish.format],
        rows=rows,
        parts=", ".join(f"{count} {part}" for part, count in counts.items()),
        compared=" or compared two of them" if SCALES[scale.name].paired else "",
        scale=_points(scale),
        verdicts="\n".join(f"- `{verdict.name}`: {verdict.meaning}" for verdict in offered(scale)),
        raters=_raters(judged),
        offsets=(
            "comparisons do not have that."
            if scale.paired
            else "`score` here is as given."
            if wish.format in ("ratings", "helpsteer")
            else "that is estimated and taken off, with little to go by where raters share few responses."
        ),
        columns="\n".join(f"- `{_plain(field.name)}`: {field.type}" for field in schema),
        command=wish.command(out),
        sums="\n".join(f"| `{name}` | `{digest}` |" for name, digest in sums.items()),
    )


def _points(scale: Scale) -> str:
    return "\n".join(
        f"- {scale.mark(point)}: {word}" for point, word in zip(scale.points, scale.anchors, strict=True)
    )


def _raters(judged: Judged) -> str:
    """How many raters and ratings stand behind the data, and how far they agree, with n."""
    given = judged.raters()
    total = sum(given.values())
    if not total:
        return "No rating that counts: all are by raters who are kept out or excluded, or teach nothing."
    lines = [
        f"{total} ratings that count now, by {len(given)} raters; the most active one gave {max(given.values())}."
    ]
    alpha = judged.alpha()
    if alpha is None:
        lines.append(
            f"Agreement is not known: fewer than two {'pairs of ' if judged.scale.paired else ''}responses have two "
            "raters, or all said the same."
        )
    else:
        lines.append(
            f"Krippendorff's alpha (interval level; 1 = perfect, 0 = chance) is {alpha.mean:.2f}, 95 % interval "
            f"{alpha.low:.2f} to {alpha.high:.2f}, on n = {alpha.n} {'pairs of ' if judged.scale.paired else ''}responses with two or more raters."
        )
    return "\n\n".join(lines)


def _plain(name: str) -> str:
    """A column's name (an operator may have chosen it) that ends no code span."""
    return json.dumps(name, ensure_ascii=False)[1:-1].replace("`", "'")
