"""The console's panels about versions, as HTML. Every text from outside passes `h()`, as in panels.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.console.panels.training_panels import h, number, quiet, table, when
from app.console.state.prompt_trials import Tried
from app.sample_comparison import SampleComparison
from rater_data.lifecycle import Version
from rater_data.statistics.intervals import Interval

LONGEST_TEXT = 1200
STATUS_WORDS = {"current": "In use", "kept": "Kept", "candidate": "Candidate", "rolled_back": "Rolled back"}
HEADS = (
    "State",
    "",  # the button stands where no window is too narrow for it
    "From",
    "Learned from",
    "People: new − old",
    "Made",
    "KL, nats",
    "Tokens",
    "Ended by itself",
    "Notes",
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is told of versions beside themselves, by number: the comparison with the parent, ratings learned from."""

    helped: dict[int, Interval] = field(default_factory=dict)
    ratings: dict[int, int] = field(default_factory=dict)


def versions(found: list[Version], busy: bool, known: Known) -> str:
    if not found:
        return quiet("The base model becomes version 0 once it is loaded.")
    head = "".join(f"<th>{h(x)}</th>" for x in HEADS)
    rows = [row(v, busy, known) for v in sorted(found, key=lambda v: -v.number)]
    return table("Version", head, rows, "cards versions")


def row(v: Version, busy: bool, known: Known) -> str:
    ratings = known.ratings.get(v.number)
    cells = (
        f'<span class="ops-state {h(v.status)}">{h(STATUS_WORDS.get(v.status, v.status))}</span>',
        back(v, busy),
        h("–" if v.parent is None else f"Version {v.parent}"),
        h("–" if ratings is None else f"{ratings} ratings"),
        compared(known.helped.get(v.number), v.parent is not None),
        h(when(v.created_at)),
        h(number(v.metrics.get("kl"), "{:.2f}")),
        h(number(v.metrics.get("length"), "{:.0f}")),
        h(number(v.metrics.get("eos_share"), "{:.0%}")),
        f'<input class="ops-inline" data-note="{v.number}" value="{h(v.notes)}" maxlength="300" '
        f'aria-label="Notes on version {v.number}" placeholder="Add a note">',
    )
    name = f"Version {v.number}" + (" (base)" if v.parent is None else "")
    told = (f'<td data-label="{h(x)}">{cell}</td>' for x, cell in zip(HEADS, cells, strict=True))
    return f"<tr><th>{h(name)}</th>{''.join(told)}</tr>"


def back(v: Version, busy: bool) -> str:
    if v.status not in ("kept", "rolled_back"):
        return ""
    off = " disabled" if busy else ""
    return f'<button type="button" class="rl-button" data-roll-back="{v.number}"{off}>Use again</button>'


def compared(interval: Interval | None, has_parent: bool) -> str:
    """What people say of a version against its parent, on the same prompts and blind."""
    if interval is None:
        return h("too few ratings yet" if has_parent else "–")
    verdict = "better" if interval.low > 0 else "worse" if interval.high < 0 else "open"
    words = {"better": "better", "worse": "worse", "open": "not told from chance"}[verdict]
    text = f"{interval.mean:+.1f} ({interval.low:+.1f} … {interval.high:+.1f})"
    return f'<span class="ops-compared {verdict}">{h(text)}</span> <small>{h(words)}, {h(interval.n)} prompts</small>'


def samples(comparison: SampleComparison | None, chosen: tuple[int | None, int | None]) -> str:
    if comparison is None:
        before, after = chosen
        if before is None or after is None:
            return quiet(
                "Where two versions have answered the same prompts, their answers stand here side by side."
            )
        return quiet(f"Versions {before} and {after} have no prompts that both have answered.")
    blocks = []
    for prompt, before, after in comparison.rows:
        blocks.append(
            f'<article class="rl-panel ops-pair"><h3 dir="auto">{h(prompt)}</h3><div>'
            f"{side(f'Version {comparison.older}', before)}{side(f'Version {comparison.newer}', after)}"
            "</div></article>"
        )
    said = quiet("The same held-out prompts with the same seed, answered by both.")
    return f'<div class="ops-pairs">{said}{"".join(blocks)}</div>'


def side(name: str, text: str) -> str:
    cut = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " …"
    shown = (
        f'<p class="ops-text" dir="auto">{h(cut)}</p>'
        if cut.strip()
        else '<p class="rl-quiet">Nothing written.</p>'
    )
    return f"<div><h4>{h(name)}</h4>{shown}</div>"


def tried(one: Tried | None) -> str:
    """The newest try: its prompt above its answers, or why there are none yet."""
    if one is None:
        return ""
    if one.error:
        body = f'<p class="ops-notice bad">{h(one.error)}</p>'
    elif one.waiting:
        body = f'<p class="rl-quiet" role="status">{h(one.waiting)}</p><div class="rl-bar rl-busy"><span></span></div>'
    else:
        sides = (
            side(f"Version {n}" + ("" if ended else ", cut off"), text) for n, text, ended in one.answers
        )
        body = f"<div>{''.join(sides)}</div>"
    return f'<article class="rl-panel ops-pair"><h3 dir="auto">{h(one.prompt[:LONGEST_TEXT])}</h3>{body}</article>'
