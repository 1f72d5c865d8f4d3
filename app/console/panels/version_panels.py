"""The panels about versions: the table, samples side by side, a prompt tried on two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.console.panels.elements import (
    continued_text,
    format_number,
    format_time,
    h,
    quiet,
    shorten,
    table,
    told_note,
)
from app.console.state.prompt_trials import PromptTrial
from app.console.state.version_list import MAX_NOTE_LENGTH
from app.sample_comparison import SampleComparison
from rater_data.lifecycle import Version
from rater_data.overview.verdict_words import signed
from rater_data.records import RESTORED
from rater_data.round_settings import Told
from rater_data.statistics.round_verdict import RoundVerdict

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
    verdicts: Mapping[int, RoundVerdict],
    ratings_trained_on: Mapping[int, int],
) -> str:
    """`verdicts` against their parents and `ratings_trained_on` by version number; what is not known is missing."""
    if not versions:
        return quiet("The base model becomes version 0 once it is loaded.")
    rows = [
        _version_row(v, is_training, verdicts.get(v.number), ratings_trained_on.get(v.number))
        for v in sorted(versions, key=lambda v: -v.number)
    ]
    return table(("Version", *HEADINGS), rows, "cards versions")


def _version_row(v: Version, is_training: bool, verdict: RoundVerdict | None, ratings: int | None) -> str:
    cells = (
        f'<span class="ops-state {h(v.status)}">{h(STATUS_LABELS.get(v.status, v.status))}</span>',
        _roll_back_button(v, is_training),
        h("–" if v.parent is None else f"Version {v.parent}"),
        h("–" if ratings is None else f"{ratings} ratings"),
        gain_cell(verdict, v.parent is not None),
        h(format_time(v.created_at)) + _download_link(v),
        h(format_number(v.metrics.get("kl"), "{:.2f}")),
        h(format_number(v.metrics.get("length"), "{:.0f}")),
        h(format_number(v.metrics.get("eos_share"), "{:.0%}")),
        f'<input class="ops-inline" data-note="{v.number}" value="{h(v.notes)}" maxlength="{MAX_NOTE_LENGTH}" '
        f'aria-label="Notes on version {v.number}" placeholder="Add a note">{told_note(Told.of(v.metrics))}',
    )
    name = f"Version {v.number}" + (" (base)" if v.parent is None else "")
    labelled = (
        f'<td data-label="{h(heading)}">{cell}</td>' for heading, cell in zip(HEADINGS, cells, strict=True)
    )
    return f"<tr><th>{h(name)}</th>{''.join(labelled)}</tr>"


def _download_link(v: Version) -> str:
    if not v.folder or v.metrics.get(RESTORED):
        return ""
    name = f"Download the adapter of version {v.number}"
    return f' <a href="../api/versions/{v.number}/adapter" download aria-label="{h(name)}">Download</a>'


def _roll_back_button(v: Version, is_training: bool) -> str:
    if v.status not in ("kept", "rolled_back"):
        return ""
    disabled = " disabled" if is_training else ""
    return f'<button type="button" class="rl-button" data-roll-back="{v.number}"{disabled}>Use again</button>'


def gain_cell(verdict: RoundVerdict | None, has_parent: bool) -> str:
    """Did it help? What people say of a version against its parent, on the same prompts and blind."""
    if verdict is None or verdict.gain is None:
        return h("too few ratings yet" if has_parent else "–")
    kind = {"helped": "better", "hurt": "worse"}.get(verdict.word, "open")
    gain, words = verdict.gain, verdict.word if verdict.word != "open" else "no evidence yet"
    text = f"{signed(gain.mean)} ({signed(gain.low)} … {signed(gain.high)})"
    return f'<span class="ops-compared {kind}">{h(text)}</span> <small>{h(words)}, {h(gain.n)} blind ratings</small>'


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
    continues = (comparison.older_continues, comparison.newer_continues)
    articles = []
    for prompt, *texts in comparison.rows:
        answers = [
            _answer(f"Version {number}", text, prompt if goes_on else None)
            for number, text, goes_on in zip(
                (comparison.older, comparison.newer), texts, continues, strict=True
            )
        ]
        articles.append(_prompt_and_answers(prompt, "".join(answers), all(continues)))
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
        given = trial.prompt if trial.told.continuation else None
        answers = (
            _answer(f"Version {number}" + ("" if ended else ", cut off"), text, given)
            for number, text, ended in trial.answers
        )
        return _prompt_and_answers(trial.prompt, "".join(answers), given is not None, told_note(trial.told))
    return f'<article class="rl-panel ops-pair">{_prompt_title(trial.prompt)}{body}</article>'


def _prompt_and_answers(prompt: str, answers: str, continued: bool, note: str = "") -> str:
    """A prompt above the answers to it; where they go on with its text it is in each of them."""
    title = "" if continued else _prompt_title(prompt)
    return f'<article class="rl-panel ops-pair">{title}{note}<div>{answers}</div></article>'


def _prompt_title(prompt: str) -> str:
    return f'<h3 dir="auto">{h(shorten(prompt))}</h3>'


def _answer(heading: str, text: str, given: str | None) -> str:
    """A version's answer; it goes on with the text that was `given`, if one was."""
    if given is not None:
        body = continued_text(given, text)
    elif text.strip():
        body = f'<p class="ops-text" dir="auto">{h(shorten(text))}</p>'
    else:
        body = '<p class="rl-quiet">Nothing written.</p>'
    return f"<div><h4>{h(heading)}</h4>{body}</div>"
