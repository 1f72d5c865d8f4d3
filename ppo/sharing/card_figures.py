"""The figures of a card as words and rows; what is not known says so, and what is no number is none."""

from collections.abc import Sequence
from typing import Any

from ppo.markdown import span
from ppo.sharing.facts import AdapterFacts, Training
from rater_data import checks
from rater_data.statistics.intervals import Interval
from rater_data.statistics.round_verdict import HELPED, HURT

UNKNOWN = "–"


def figure(value: object, spec: str) -> str:
    """A number as `spec` formats it; a dash for everything else, which imports can bring."""
    return format(value, spec) if checks.is_number(value) else UNKNOWN


def training_rows(line: Sequence[Training]) -> list[str]:
    """A row of the table for each training of the line."""
    return [_row(training) for training in line]


def _row(training: Training) -> str:
    gate, metrics = training.gate, training.metrics
    known = training.round is not None
    cells = [
        str(training.version),
        str(training.round) if known else UNKNOWN,
        str(training.ratings) if known else UNKNOWN,
        str(training.raters) if known else UNKNOWN,
        _interval(training.alpha) if training.alpha is not None else "not known",
        _with_bounds(gate.get("spearman"), gate.get("spearman_ci"), ".2f"),
        _with_bounds(gate.get("pair_accuracy"), gate.get("pair_ci"), ".0%"),
        figure(metrics.get("kl"), ".2f"),
        figure(metrics.get("distinct_2"), ".2f"),
    ]
    return f"| {' | '.join(cells)} |"


def _interval(interval: Interval) -> str:
    return f"{interval.mean:.2f} ({interval.low:.2f} to {interval.high:.2f}, n = {interval.n})"


def _with_bounds(value: object, bounds: Any, spec: str) -> str:
    text = figure(value, spec)
    if text != UNKNOWN and isinstance(bounds, list | tuple) and len(bounds) == 2:
        text += f" ({figure(bounds[0], spec)} to {figure(bounds[1], spec)})"
    return text


def training_words(facts: AdapterFacts) -> str:
    """How the last training went: scale, gate, how far, and with which settings."""
    training, gate = facts.training, facts.training.gate
    if training.round is None:
        return "This home does not know which round trained it: of its ratings nothing can be told."
    parts = [_describe_ratings(training), _describe_gate(gate)]
    lora, ppo = facts.config.get("lora", {}), facts.config.get("ppo", {})
    share = training.metrics.get("share")
    if checks.is_number(share) and isinstance(share, float | int) and share < 1:
        parts.append(f"A limit was reached: {share:.0%} of the way that PPO went is kept.")
    parts.append(
        f"Rank {figure(lora.get('r'), '.0f')}, alpha {figure(lora.get('alpha'), '.0f')}, "
        f"{figure(training.metrics.get('steps'), '.0f')} PPO steps on fresh responses after "
        f"{figure(ppo.get('people_epochs'), '.0f')} passes over the rated ones, learning rate "
        f"{figure(ppo.get('learning_rate'), 'g')}, KL coefficient {figure(ppo.get('kl_coef'), 'g')} at first."
    )
    if facts.config.get("quantize"):
        parts.append(f"The base was held in {span(str(facts.config['quantize']))} while it was trained.")
    return " ".join(parts)


def _describe_ratings(training: Training) -> str:
    scale = training.scale
    parts = [
        f"The reward head of version {training.version} was fitted to {training.ratings} ratings by "
        f"{training.raters} raters, sealed in round {training.round}"
    ]
    if scale is not None:
        low, high = scale.points[0], scale.points[-1]
        parts.append(
            f", on the scale {span(scale.name)} ({scale.mark(low)} “{scale.words(low)}” to "
            f"{scale.mark(high)} “{scale.words(high)}”)"
        )
    if training.imported:
        parts.append(f"; {training.imported} of them are of texts that were imported from files")
    if training.removed:
        parts.append(
            f"; {training.removed} more were in the seal and were taken back since, together with a person"
        )
    if edits := training.gate.get("edits"):
        parts.append(
            f". It learned from {edits} better answers, too, which people wrote in place of responses"
        )
    return "".join(parts) + "."


def _describe_gate(gate: dict[str, Any]) -> str:
    if not gate:
        return "No report of the reward head is kept."
    tested = (
        f"On {figure(gate.get('prompts'), '.0f')} prompts that it was not fitted on its Pearson correlation with "
        f"people was {figure(gate.get('pearson'), '.2f')} (shuffled ratings reach that with "
        f"p = {figure(gate.get('p_value'), '.3f')})."
    )
    if gate.get("overridden"):
        tested += " That was not told from chance, and an operator had it trained all the same."
    return tested


def gain_words(training: Training, parent: int) -> str:
    """What people said of the version against its parent, or that nobody was asked."""
    verdict = training.verdict
    if verdict is None or verdict.gain is None:
        return (
            f"Not measured yet: too few ratings compare this version with version {parent}"
            f"{' (the base)' if parent == 0 else ''} on the same prompts."
        )
    gain = verdict.gain
    word = {HELPED: "Yes.", HURT: "No: they liked it less."}.get(verdict.word, "Not told from chance.")
    unit = "on a scale from −1 to 1" if training.scale is not None and training.scale.paired else "points"
    parts = [
        f"{word} Against version {parent}{' (the base)' if parent == 0 else ''}, on the same prompts and blind, in "
        f"round {training.judged_in}: {gain.mean:+.2f} {unit}, 95 % interval {gain.low:+.2f} to {gain.high:+.2f} (it "
        f"allows for several looks while ratings come in), with {gain.n} of {verdict.planned} planned ratings of the "
        "version before."
    ]
    rate = verdict.win_rate
    if rate is not None:
        parts.append(
            f"It is preferred on {rate.mean:.0%} of the prompts, ties half ({rate.low:.0%} to {rate.high:.0%}, n = "
            f"{rate.n})."
        )
    return " ".join(parts)
