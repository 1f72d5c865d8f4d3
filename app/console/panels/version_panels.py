"""The panels about versions: the table, samples side by side, a prompt tried on two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.console.panels.elements import format_number, format_time, h, quiet, table
from app.console.state.prompt_trials import PromptTrial
from app.console.state.version_list import MAX_NOTE_LENGTH
from app.sample_comparison import SampleComparison
from rater_data.lifecycle import Version
from rater_data.round_settings import PLAIN
from rater_data.statistics.intervals import Interval

MAX_TEXT_LENGTH = 1200
MAX_TOLD_LENGTH = 60  # characters of a system prompt in the table
STATUS_LABELS = {"current": "In use", "kept": "Kept", "candidate": "Candidate", "rolled_back": "Rolled back"}
HEADINGS = (
    "Status",
    "",  # the button stands where no window is too narrow for it
    "Parent",
    "Trained on",
    "Gain over parent (95 %)",
    "Created",
    "KL (nats)",
    "Tokens",
    "Ended with EOS",
    "Notes",
)


def versions_table(
    versions: Sequence[Version],
    is_training: bool,
    gains: Mapping[int, Interval],
    ratings_trained_on: Mapping[int, int],
) -> str:
    """`gains` over their parents and `ratings_trained_on` by version number; what is not known is missing."""
    if not versions:
        return quiet("The base model becomes version 0 once it is loaded.")
    rows = [
        _version_row(v, is_training, gains.get(v.number), ratings_trained_on.get(v.number))
        for v in sorted(versions, key=lambda v: -v.number)
    ]
    return table(("Version", *HEADINGS), rows, "cards versions")


def _version_row(v: Version, is_training: bool, gain: Interval | None, ratings: int | None) -> str:
    cells = (
        f'<span class="ops-state {h(v.status)}">{h(STATUS_LABELS.get(v.status, v.status))}</span>',
        _roll_back_button(v, is_training),
        h("–" if v.parent is None else f"Version {v.parent}"),
        h("–" if ratings is None else f"{ratings} ratings"),
        gain_cell(gain, v.parent is not None),
        h(format_time(v.created_at)),
        h(format_number(v.metrics.get("kl"), "{:.2f}")),
        h(format_number(v.metrics.get("length"), "{:.0f}")),
        h(format_number(v.metrics.get("eos_share"), "{:.0%}")),
        f'<input class="ops-inline" data-note="{v.number}" value="{h(v.notes)}" maxlength="{MAX_NOTE_LENGTH}" '
        f'aria-label="Notes on version {v.number}" placeholder="Add a note">',
    )
    name = f"Version {v.number}" + (" (base)" if v.parent is None else "")
    labelled = (
        f'<td data-label="{h(heading)}">{cell}</td>' for heading, cell in zip(HEADINGS, cells, strict=True)
    )
    return f"<tr><th>{h(name)}{_told(v)}</th>{''.join(labelled)}</tr>"


def _told(v: Version) -> str:
    """Under what it wrote: the system prompt, or that it continues texts."""
    sample = v.metrics.get("sample", {})
    if sample.get("prompt_format") == PLAIN:
        return '<small class="ops-told">continues texts</small>'
    system = sample.get("system", "")
    short = system if len(system) <= MAX_TOLD_LENGTH else f"{system[:MAX_TOLD_LENGTH].rstrip()} …"
    return f'<small class="ops-told" title="{h(system)}">told: {h(short)}</small>' if system else ""


def _roll_back_button(v: Version, is_training: bool) -> str:
    if v.status not in ("kept", "rolled_back"):
        return ""
    disabled = " disabled" if is_training else ""
    return f'<button type="button" class="rl-button" data-roll-back="{v.number}"{disabled}>Use again</button>'


def gain_cell(interval: Interval | None, has_parent: bool) -> str:
    """Did it help? What people say of a version against its parent, on the same prompts and blind."""
    if interval is None:
        return h("too few ratings yet" if has_parent else "–")
    verdict = "better" if interval.low > 0 else "worse" if interval.high < 0 else "open"
    words = {"better": "better", "worse": "worse", "open": "not told from chance"}[verdict]
    text = f"{interval.mean:+.1f} ({interval.low:+.1f} … {interval.high:+.1f})"
    return f'<span class="ops-compared {verdict}">{h(text)}</span> <small>{h(words)}, {h(interval.n)} prompts</small>'


def samples_side_by_side(
    comparison: SampleComparison | None, selected_versions: tuple[int | None, int | None]
) -> str:
    if comparison is None:
        left, right = selected_versions
        if left is None or right is None:
            return quiet(
                "Where two versions have answered the same prompts, their answers stand here side by side."
            )
        return quiet(f"Versions {left} and {right} have no prompts that both have answered.")
    articles = []
    for prompt, older, newer in comparison.rows:
        articles.append(
            f'<article class="rl-panel ops-pair"><h3 dir="auto">{h(prompt)}</h3><div>'
            f"{_answer(f'Version {comparison.older}', older)}{_answer(f'Version {comparison.newer}', newer)}"
            "</div></article>"
        )
    intro = quiet("The same held-out prompts with the same seed, answered by both.")
    return f'<div class="ops-pairs">{intro}{"".join(articles)}</div>'


def prompt_trial(trial: PromptTrial | None) -> str:
    """The newest trial: its prompt above its answers, or why there are none yet."""
    if trial is None:
        return ""
    if trial.error:
        body = f'<p class="ops-notice bad">{h(trial.error)}</p>'
    elif trial.waiting:
        body = (
            f'<p class="rl-quiet" role="status">{h(trial.waiting)}</p>'
            '<div class="rl-bar rl-busy"><span></span></div>'
        )
    else:
        answers = (
            _answer(f"Version {number}" + ("" if ended else ", cut off"), text)
            for number, text, ended in trial.answers
        )
        body = f"<div>{''.join(answers)}</div>"
    return (
        f'<article class="rl-panel ops-pair"><h3 dir="auto">{h(trial.prompt[:MAX_TEXT_LENGTH])}</h3>'
        f"{body}</article>"
    )


def _answer(heading: str, text: str) -> str:
    shown = text if len(text) <= MAX_TEXT_LENGTH else text[:MAX_TEXT_LENGTH] + " …"
    body = (
        f'<p class="ops-text" dir="auto">{h(shown)}</p>'
        if shown.strip()
        else '<p class="rl-quiet">Nothing written.</p>'
    )
    return f"<div><h4>{h(heading)}</h4>{body}</div>"
