"""The card of an exported dataset: what is in it and how it came about, for whoever opens it later."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.helpsteer import quality_column
from rater_data.exporting.formats.quality_scores import QualityScores
from rater_data.exporting.formats.ratings import model_name
from rater_data.exporting.formats.table import EXPORT_FORMATS
from rater_data.exporting.formats.text_scores import TextScores
from rater_data.scales import ATTRIBUTE_HIGH, ATTRIBUTE_LOW, ATTRIBUTE_WORDS, Scale, offered_verdicts
from rater_data.statistics.intervals import Interval
from rater_data.store import Store
from rater_data.store.reports.export_rows import Origins

MAX_SOURCES = 5  # files that are named

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

# No `configs:` in its head: `datasets` finds the parts by the names of their files, and would keep files that a card
# names under a key that leaves their content out, so that whoever loaded one export got its rows for the next one too
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
---

# {title} from Rateloop

{about}

{rows} rows: {parts}. Load with `datasets.load_dataset` and this folder's path.

## How it was made

{provenance}

{scale}

{verdicts}

A prompt's part follows from its sha256 alone (of its messages as JSON, keys sorted, no blanks): the first 8 bytes
modulo 20 are 0 for test, 1 for validation, else train. Holdout prompts, which the policy was never trained on, are
never in train: even goes to test, odd to validation.

## Raters and agreement

{raters}

## Known biases

- A handful of raters is no sample of anybody: what they like is what this data likes.
- Raters differ in how high they score; {offsets}
- The prompts are those the operators chose, and the responses {authors}. `propensity` in the
  format `ratings` tells how likely a prompt was drawn.{versions}

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
{checksums}"""

_CHECKSUMS = """
| file | sha256 |
|---|---|
{rows}

`sha256sum -c rateloop.sha256` checks them.
"""
_GIVEN = """\
{ratings}rated responses of a language model one at a time{comparing}, blind: no version, no model score and no other
rater's answer was shown, and the order of the responses to a prompt was shuffled for each rater. A response may have
gone to several raters, so that agreement can be measured{strata}."""
_STRATA = {
    "control": "some came from the version before (`control`)",
    "anchor": "some came from the first round again (`anchor`)",
}
_IMPORTED = """\
{ratings} imported from files{sources}. How those were given is not known here: what their raters saw, in which order,
what they were told, and on which scale; what was on another was laid onto this one. One rater's name may stand for many
people there."""


def dataset_card(
    store: Store,
    request: ExportRequest,
    out: str,
    schema: pa.Schema,
    counts: dict[str, int],
    checksums: dict[str, str],
) -> str:
    """The text of README.md in the dataset's folder `out`: `counts` of rows by part, `checksums` by file."""
    format_rows = EXPORT_FORMATS[request.format].load()
    qualities = format_rows.qualities
    scores: TextScores | QualityScores
    if qualities:
        scores, scale = QualityScores(store, request.rating_filter, quality_column), store.scale()
    else:
        scores = TextScores(store, request.rating_filter)
        scale = scores.scale
    rows, edits = sum(counts.values()), [] if qualities else store.current_edits(request.rating_filter)
    origins = store.origins(request.rating_filter, qualities)
    return _CARD.format(
        title=request.format.replace("-", " ").capitalize(),
        task=format_rows.task,
        size=next((name for limit, name in _SIZES if rows < limit), "n>1M"),
        about=format_rows.about,
        rows=rows,
        parts=", ".join(f"{count} {part}" for part, count in counts.items()),
        provenance=_provenance(origins, scale) + _describe_edits(edits),
        scale=_describe_scale(scale, qualities, seen=bool(origins.given)),
        verdicts=_describe_verdicts(scale, qualities),
        raters=_describe_raters(scores, scale),
        offsets="comparisons do not have that." if scale.paired else format_rows.offsets,
        authors=_describe_authors(origins),
        versions=(
            "\n- Later rounds were written by versions trained on earlier ones."
            if origins.versions > 1
            else ""
        ),
        columns="\n".join(f"- `{_escape(field.name)}`: {field.type}" for field in schema),
        command=request.command(out),
        checksums=_CHECKSUMS.format(
            rows="\n".join(f"| `{name}` | `{digest}` |" for name, digest in checksums.items())
        ),
    )


def without_checksums(text: str) -> str:
    """The card of files that were written anew, as the hub has them: their checksums are others."""
    return text.partition(_CHECKSUMS.partition("{rows}")[0])[0]


def _provenance(origins: Origins, scale: Scale) -> str:
    """What is known of how the ratings came about: a protocol for those that were given here, and for no others."""
    paragraphs: list[str] = []
    if origins.given:
        strata = "; ".join(words for name, words in _STRATA.items() if name in origins.strata)
        paragraphs.append(
            _GIVEN.format(
                ratings=f"{origins.given} ratings were given in Rateloop. People "
                if origins.imported
                else "People ",
                comparing=" or compared two of them" if scale.paired else "",
                strata=f"; {strata}" if strata else "",
            )
        )
    paragraphs += _describe_told(origins)
    if origins.imported:
        sources = ", ".join(f"`{_escape(name)}`" for name in origins.sources[:MAX_SOURCES])
        more = len(origins.sources) - MAX_SOURCES
        listed = f": {sources}{f' and {more} more' if more > 0 else ''}" if sources else ""
        number = f"{origins.imported} ratings, by {origins.importers} raters, were"
        paragraphs.append(
            _IMPORTED.format(ratings=number, sources=f" (prompts came from{listed})" if listed else "")
        )
    return (
        "\n\n".join(paragraphs)
        or "No rating that counts is in it, so there is nothing to say of how it was made."
    )


def _describe_edits(edits: Sequence[Any]) -> str:
    """A paragraph on what raters wrote themselves, where they did."""
    if not edits:
        return ""
    raters, responses = len({row.rater_id for row in edits}), len({row.response_id for row in edits})
    return (
        f"\n\nBeside that, {raters} raters wrote {len(edits)} better answers in place of {responses} responses, "
        "which they saw. These texts are people's, not the model's, and nobody scored them."
    )


def _describe_told(origins: Origins) -> list[str]:
    """A paragraph for each way in which responses that were written here were asked for, but the plainest."""
    paragraphs = []
    if any(told.continuation for told in origins.told):
        which = "Responses" if all(told.continuation for told in origins.told) else "Some responses"
        paragraphs.append(
            f"{which} go on with their prompt's text: prompt and response, blanks as they are, are one text, and "
            "raters saw it as one."
        )
    systems = [told.system for told in origins.told if told.system]
    if systems:
        listed = "; ".join(f"`{_escape(text)}`" for text in systems)
        several = " (a later round another)" if len(systems) > 1 else ""
        paragraphs.append(
            f"The model was told{several}, before each chat without a system message of its own: {listed}. "
            "Raters could open it beside the prompt."
        )
    return paragraphs


def _describe_authors(origins: Origins) -> str:
    """Who wrote the responses, after "the responses"."""
    models = " and ".join(f"`{_escape(model_name(name))}`" for name in origins.models)
    known = f"those of {models} and of what was trained from it" if models else ""
    unknown = "come from files, which do not say what wrote them" if origins.elsewhere else ""
    authors = (
        f"{known}; others {unknown}" if known and unknown else known or unknown or "those that were rated"
    )
    return f"{authors}:\n  what they never write is not here"


def _describe_scale(scale: Scale, qualities: bool, seen: bool) -> str:
    if qualities:
        numbers = range(ATTRIBUTE_LOW, ATTRIBUTE_HIGH + 1)
        points = [f"- {number}: {word}" for number, word in zip(numbers, ATTRIBUTE_WORDS, strict=True)]
        return "\n".join(["The words for a quality, from 1 to 5:", "", *points])
    head = "The scale, as raters saw it:" if seen else "The scale that the scores are on here:"
    return f"{head}\n\n{_points(scale)}"


def _describe_verdicts(scale: Scale, qualities: bool) -> str:
    if qualities:
        return "Answers of who skipped a response or could not judge it are not here."
    lines = "\n".join(f"- `{verdict.name}`: {verdict.meaning}" for verdict in offered_verdicts(scale))
    return f"Instead of a score:\n\n{lines}"


def _points(scale: Scale) -> str:
    return "\n".join(f"- {scale.mark(point)}: {words}" for point, words in scale.anchored_points)


def _describe_raters(scores: TextScores | QualityScores, scale: Scale) -> str:
    """How many raters and ratings stand behind the data, and how far they agree, with n."""
    by_rater = scores.ratings_by_rater()
    total = sum(by_rater.values())
    if not total:
        return "No rating that counts: all are by raters who are kept out or excluded, or teach nothing."
    most = f"by {len(by_rater)} raters; the most active one gave {max(by_rater.values())}."
    if isinstance(scores, QualityScores):
        lines = [
            _describe_agreement(alpha, "responses", f"`{_escape(name)}`: ")
            for name, alpha in scores.alphas().items()
        ]
        return "\n\n".join([f"{total} ratings that answer for qualities, {most}", "\n".join(lines)])
    units = "pairs of responses" if scale.paired else "responses"
    return f"{total} ratings that count now, {most}\n\n{_describe_agreement(scores.alpha(), units)}"


def _describe_agreement(alpha: Interval | None, units: str, name: str = "") -> str:
    bullet = f"- {name}" if name else ""
    if alpha is None:
        return (
            f"{bullet}Agreement is not known: fewer than two {units} have two raters, or all said the same."
        )
    return (
        f"{bullet}Krippendorff's alpha (interval level; 1 = perfect, 0 = chance) is {alpha.mean:.2f}, 95 % interval "
        f"{alpha.low:.2f} to {alpha.high:.2f}, on n = {alpha.n} {units} with two or more raters."
    )


def _escape(name: str) -> str:
    """A name that an operator or a file chose, so that it ends no code span."""
    return json.dumps(name, ensure_ascii=False)[1:-1].replace("`", "'")
