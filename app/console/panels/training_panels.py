"""The panels about training: the job under way, the numbers of each PPO step, rules, samples as the policy learns."""

from __future__ import annotations

from typing import Any

from app.console.panels.elements import (
    busy_bar,
    continued_text,
    format_number,
    h,
    progress_bar,
    quiet,
    table,
)
from rater_data.lifecycle import Job, Round
from rater_data.overview.wording import end_with_period, format_duration

CURVES = {
    "reward": "Reward",
    "kl": "KL to the reference (nats per response)",
    "clip_frac": "Clip fraction",
    "entropy": "Entropy (nats per token)",
    "explained_variance": "Explained variance of the critic",
}
"""The metrics of PPO steps that are drawn, with their plots' titles."""
COLUMNS = (
    ("reward", "Reward", "{:+.2f}"),
    ("rating", "Expected rating", "{:.2f}"),
    ("kl", "KL (nats)", "{:.2f}"),
    ("clip_frac", "Clip fraction", "{:.1%}"),
    ("entropy", "Entropy", "{:.2f}"),
    ("explained_variance", "Explained variance", "{:.2f}"),
    ("length", "Tokens", "{:.0f}"),
    ("eos_share", "Ended with EOS", "{:.0%}"),
)
"""The metrics in the table of steps: name, label, format."""
SAMPLED_STEPS_SHOWN = 4
MAX_SAMPLE_LENGTH = 600


def job_progress(job: Job | None) -> str:
    """The work under way: phase, bar, step x of y, how long still."""
    if job is None:
        return ""
    progress = job.progress
    phase = progress.get("phase") or ("Waiting for the trainer" if job.state == "queued" else "Starting")
    done, total, eta = progress.get("done", 0), progress.get("total", 0), progress.get("eta_s")
    is_counted = total > 1
    count = f"{done} of {total}" if is_counted else ""
    remaining = ""
    if isinstance(eta, int | float) and is_counted and done < total:
        remaining = f"{format_duration(eta)} left"
    facts = " · ".join(h(fact) for fact in (count, remaining, progress.get("note", "")) if fact)
    return (
        f'<section class="ops-work rl-panel"><div><h2>{h(phase)}</h2><span>{facts}</span></div>'
        f"{progress_bar(done, total, phase) if is_counted else busy_bar(phase)}</section>"
    )


def training_heading(trained: Round | None) -> str:
    """Whose curves these are, what came of them, and how sure the reward head was."""
    if trained is None:
        return ""
    sentences = [end_with_period(trained.decision)] if trained.decision else []
    reason = (trained.gate or {}).get("reason")
    if reason and reason != trained.decision:
        sentences.append(end_with_period(str(reason)))
    gate = trained.gate or {}
    if "ratings" in gate and "responses" in gate:
        sentences.append(
            f"What taught the reward head: {gate['ratings']} ratings of {gate['responses']} responses, of all rounds; "
            "not skips, prompts that are held out, and people who do not count."
        )
    return quiet(" ".join(sentences)) if sentences else ""


def training_title(trained: Round | None, is_training: bool) -> str:
    """What the curves that can be folded away are of."""
    if trained is None:
        return "Training: nothing was trained yet"
    return f"{'Training' if is_training else 'How the training went:'} round {trained.number}"


def steps_table(steps: list[dict[str, Any]]) -> str:
    """The curves' numbers: the newest step first. Step 0 is PPO on people's own ratings."""
    if not steps:
        return ""
    rows = []
    for step in reversed(steps):
        cells = (format_number(step.get(name), shape) for name, _, shape in COLUMNS)
        name = f"{step['step']:g}" if step["step"] else "Ratings"
        rows.append(f"<tr><th>{h(name)}</th>" + "".join(f"<td>{h(cell)}</td>" for cell in cells) + "</tr>")
    return table(("Step", *(label for _, label, _ in COLUMNS)), rows, "numbers")


def rule_checks(results: list[dict[str, Any]]) -> str:
    """The rules that must hold in every step: a light each, with the trainer's own sentence."""
    if not results:
        return ""
    broken = sum(not result["ok"] for result in results)
    rules = "All training checks pass" if any("short" not in result for result in results) else ""
    if broken:
        rules = f"{broken} of {len(results)} training checks need attention"
    summary = " · ".join(filter(None, [rules, *(result.get("short") for result in results)]))
    return (
        f'<details class="ops-checks rl-panel"{" open" if broken else ""}>'
        f'<summary class="{"bad" if broken else "good"}">{h(summary)}</summary>'
        f"<ul>{''.join(map(_rule_check, results))}</ul></details>"
    )


def _rule_check(result: dict[str, Any]) -> str:
    kind, word = ("good", "passes") if result["ok"] else ("bad", "fails")
    sentence = result["says"] if result["ok"] else f"{result['says']} (Step {result['step']}.)"
    rule = str(result["rule"])
    return (
        f'<li class="{kind}"><b>{h(rule[:1].upper() + rule[1:])}<span class="rl-hidden-text"> {word}</span></b>'
        f"<span>{h(sentence)}</span></li>"
    )


def samples_by_step(
    steps: list[dict[str, Any]], continued: bool, before: tuple[int, dict[str, str]] = (0, {})
) -> str:
    """What the policy writes to the same prompts after each step, the newest step first; at the end of the list what
    they were answered before.

    `continued`: it goes on with their texts. `before`: the version that was trained on, and its answers by prompt.
    """
    sampled = [step for step in steps if step.get("samples")]
    if not sampled:
        return ""
    version, answers = before
    articles = []
    for place, newest in enumerate(sampled[-1]["samples"]):
        rows = "".join(
            f"<li><b>Step {h(step['step'])}</b>{_sample(step, place, continued)}</li>"
            for step in reversed(sampled[-SAMPLED_STEPS_SHOWN:])
        )
        prompt = str(newest["prompt"])
        if prompt in answers:
            text = _sample_text(prompt, answers[prompt], continued)
            rows += f'<li class="before"><b>Before<small>version {h(version)}</small></b>{text}</li>'
        title = "" if continued else f'<h3 dir="auto">{h(prompt)}</h3>'
        articles.append(f'<article class="rl-panel ops-step-samples">{title}<ol>{rows}</ol></article>')
    return quiet("What it says to prompts that are never trained on, as it learns:") + "".join(articles)


def _sample(step: dict[str, Any], place: int, continued: bool) -> str:
    samples = step["samples"]
    if place >= len(samples):
        return ""
    return _sample_text(str(samples[place]["prompt"]), str(samples[place]["text"]), continued)


def _sample_text(prompt: str, text: str, continued: bool) -> str:
    text = text[:MAX_SAMPLE_LENGTH]
    if continued:
        return continued_text(prompt, text)
    if not text.strip():
        return quiet("Nothing written.")
    return f'<p class="ops-text" dir="auto">{h(text)}</p>'
