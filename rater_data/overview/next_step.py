"""How a round stands and what comes next: the console's main button in every state, and why."""

from __future__ import annotations

from dataclasses import dataclass

from rater_data.lifecycle import UNPACKING, Job, Round, RoundProgress
from rater_data.overview.wording import end_with_period, format_time_to_quota
from rater_data.round_settings import MIN_RATINGS_TO_TRAIN

OVERRULE_LABEL = "Train although the gate refused"
STATE_LABELS = {
    "generating": "Writing responses",
    "rating": "Open for rating",
    "sealed": "Sealed",
    "training": "Training",
    "published": "Published",
    "refused": "Refused by the gate",
    "failed": "Training stopped",
    "rolled_back": "Rolled back",
}
KEPT_NOTHING_LABEL = "Nothing kept"
EARLIER_RATINGS_LABEL = "Train with what is there"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The main button's label, whether it can be pressed, and the sentence beside it.

    `alternative`: label of the second button (train early, train although the gate refused), or None.
    """

    label: str
    sentence: str
    enabled: bool = False
    alternative: str | None = None
    alternative_overrides_gate: bool = False
    can_cancel: bool = False


def offered_buttons(step: NextStep) -> str:
    """What the console's buttons offer now, as in “Train round 3”, “Train early”; empty where none can be pressed."""
    buttons = [step.label] if step.enabled else []
    buttons += [step.alternative] if step.alternative else []
    buttons += ["Cancel training"] if step.can_cancel else []
    return ", ".join(f"“{button}”" for button in buttons)


def decide_next_step(
    progress: RoundProgress | None,
    job: Job | None,
    last_error: str | None,
    trouble: str = "",
    unlearned: Round | None = None,
    trains_itself: bool = False,
) -> NextStep:
    """The one decision table.

    `trouble`: what is wrong with the trainer, in a sentence, as `trainer_trouble` says it. `unlearned`: the round
    before, when no version in use has learned from it, so that its ratings count on. `trains_itself`: the trainer
    begins as soon as a round has its ratings.
    """
    down = f" {trouble}" if trouble else ""
    if progress is None:
        return _before_round_1(job, last_error, down)
    number, state = progress.round.number, progress.round.state
    label = f"Train round {number}"
    if job is not None and job.kind == "train":
        return _in_training(number, job, down)
    if state == "generating":
        return _generating(progress, job, last_error, down)
    if state == "rating":
        return _rating(progress, label, down, unlearned, trains_itself)
    if state in ("sealed", "training"):
        return NextStep(label="Training…", sentence="The trainer is about to take over this round." + down)
    if state == "refused":
        return _refused(progress, job, last_error, down)
    if state == "failed":
        reason = end_with_period(last_error or progress.round.decision or "Training was stopped.")
        sentence = f"{reason} The ratings are safe and the last good version is still in use."
        return NextStep(label=f"{label} again", sentence=sentence + down, enabled=True)
    outcome = f"Round {number} is published." if state == "published" else f"Round {number} was rolled back."
    if job is not None:
        return NextStep(
            label=f"Train round {number + 1}",
            sentence=f"{outcome} The next responses {_are_written(job)}." + down,
        )
    if last_error:
        sentence = f"{outcome} The next responses could not be written: {end_with_period(last_error)}"
    else:
        sentence = f"{outcome} Nothing is being written for the next round."
    return NextStep(label=f"Start round {number + 1}", sentence=sentence + down, enabled=True)


def state_of(progress: RoundProgress | None, job: Job | None, last_error: str | None) -> tuple[str, str]:
    """How the round stands, as a state and as its label: a round whose writing failed is not called writing."""
    state = progress.round.state if progress else "generating"
    if state == "generating" and job is None and last_error:
        return "failed", "Writing stopped"
    if progress is not None and progress.round.kept_nothing:
        return state, KEPT_NOTHING_LABEL
    return state, STATE_LABELS[state]


def _before_round_1(job: Job | None, last_error: str | None, down: str) -> NextStep:
    if job is None and last_error:
        sentence = f"The first responses could not be written: {end_with_period(last_error)}"
        return NextStep(label="Try again", sentence=sentence + down, enabled=True)
    if job is None:
        sentence = "Nobody was asked for the first responses yet."
        return NextStep(label="Start round 1", sentence=sentence + down, enabled=True)
    if job.state == "queued":
        sentence = "The first responses come as soon as the trainer is there."
    else:
        done = "unpacked, this once" if job.progress.get("phase") == UNPACKING else "loaded"
        sentence = f"The model is being {done}; then it writes the first responses."
    return NextStep(label="Train round 1", sentence=sentence + down)


def _in_training(number: int, job: Job, down: str) -> NextStep:
    if job.cancel_requested:
        return NextStep(label="Cancelling…", sentence="Training stops at the next safe point." + down)
    is_or_waits = "waits for the trainer" if job.state == "queued" else "is in training"
    sentence = f"Round {number} {is_or_waits}. Raters can go on; what they add counts for the next round."
    return NextStep(label="Training…", sentence=sentence + down, can_cancel=True)


def _generating(progress: RoundProgress, job: Job | None, last_error: str | None, down: str) -> NextStep:
    written = f"{progress.responses} of {progress.expected_responses} responses are written"
    if job is None:
        error = f"{end_with_period(last_error)} " if last_error else ""
        sentence = f"{error}{written}; nobody writes on."
        return NextStep(label="Write on", sentence=sentence + down, enabled=True)
    return NextStep(
        label=f"Train round {progress.round.number}",
        sentence=f"{written}. Raters can begin; training comes after rating." + down,
    )


def _rating(
    progress: RoundProgress, label: str, down: str, unlearned: Round | None, trains_itself: bool
) -> NextStep:
    if progress.complete:
        then = (
            "the training begins by itself in a moment."
            if trains_itself
            else "the model can learn from them now."
        )
        sentence = f"All {progress.quota} ratings are in: {then}"
        return NextStep(label=label, sentence=sentence + down, enabled=True)
    missing = progress.quota - progress.ratings
    sentence = f"{missing} more rating{'s' if missing != 1 else ''} to go"
    time_to_quota = format_time_to_quota(missing, progress.ratings_last_hour)
    if time_to_quota:
        sentence += f", {time_to_quota} at the pace of the last hour"
    if trains_itself:
        sentence += "; then the training begins by itself"
    if unlearned is not None and unlearned.state == "rolled_back":
        reason = f"Round {unlearned.number} was rolled back. Ratings from before count on; "
        return NextStep(label=label, sentence=f"{reason}{sentence}.{down}", alternative=EARLIER_RATINGS_LABEL)
    if unlearned is not None:
        reason = f"{_why_refused(unlearned)}; "
        if unlearned.kept_nothing:
            return NextStep(
                label=label, sentence=f"{reason}{sentence}.{down}", alternative=EARLIER_RATINGS_LABEL
            )
        return NextStep(
            label=label,
            sentence=f"{reason}{sentence}.{down}",
            alternative=OVERRULE_LABEL,
            alternative_overrides_gate=True,
        )
    early = "Train early" if progress.ratings >= MIN_RATINGS_TO_TRAIN else None
    return NextStep(label=label, sentence=f"{sentence}.{down}", alternative=early)


def _refused(progress: RoundProgress, job: Job | None, last_error: str | None, down: str) -> NextStep:
    """The same version writes more; once it does, overruling the gate belongs to the next round."""
    number = progress.round.number
    refusal = f"{_why_refused(progress.round)}."
    if job is not None:
        return NextStep(
            label=f"Train round {number + 1}",
            sentence=f"{refusal} More responses {_are_written(job)}." + down,
        )
    if last_error:
        hope = f"More responses could not be written: {end_with_period(last_error)}"
    else:
        hope = "More ratings may change that."
    overrules = not progress.round.kept_nothing
    return NextStep(
        label=f"Start round {number + 1}",
        sentence=f"{refusal} {hope}{down}",
        enabled=True,
        alternative=OVERRULE_LABEL if overrules else None,
        alternative_overrides_gate=overrules,
    )


def _are_written(job: Job) -> str:
    return "wait for the trainer" if job.state == "queued" else "are being written"


def _why_refused(round_: Round) -> str:
    """In words, and that nothing that raters did is lost; without a period."""
    if round_.kept_nothing:
        said = end_with_period(round_.decision or f"Nothing of round {round_.number}'s training is kept.")
        return f"{said} The ratings of that round count on"
    reason = (round_.gate or {}).get("reason") or round_.decision or "the reward model is not sure enough"
    return f"The gate refused round {round_.number}: {end_with_period(str(reason))} Its ratings count on"
