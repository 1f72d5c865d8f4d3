"""What a round takes, in sentences: for the line beside a form, and for the cards of presets."""

from rater_data.planning.estimate import RoundEstimate

GIB = 2**30
UNMEASURED = "Minutes and memory are not measured on this machine yet: the trainer does so when it is free."


def describe_change(
    now: RoundEstimate | None, then: RoundEstimate | None, ratings: int, per_hour: float
) -> str:
    """What other settings would change; for the same ones what a round takes. None: nothing was measured yet."""
    rating = describe_rating(ratings, per_hour)
    if now is None or then is None:
        return f"{UNMEASURED} {rating}"
    if (now.train_s, now.writing_s, now.peak) == (then.train_s, then.writing_s, then.peak):
        took = (
            f"A round takes about {minutes(then.train_s)} to train ({_range(then)}) and {gib(then.peak)} of "
            f"{gib(then.free)} free; the next responses are there after {minutes(then.ready_s)}."
        )
    else:
        took = (
            f"A round would take about {minutes(then.train_s)} to train (now {minutes(now.train_s)}) and "
            f"{gib(then.peak)} (now {gib(now.peak)} of {gib(then.free)} free); the next responses would be "
            f"there after {minutes(then.ready_s)} (now {minutes(now.ready_s)})."
        )
    return f"{took}{too_much(then)} {rating}"


def describe_rating(ratings: int, per_hour: float) -> str:
    """As in: 48 ratings are 24 min of rating for one person."""
    return f"{ratings} ratings are {minutes(3600 * ratings / per_hour)} of rating for one person."


def describe_basis(estimate: RoundEstimate, machine: str, model: str) -> str:
    """Where the numbers come from."""
    times = f"the last {estimate.trainings} trainings" if estimate.trainings > 1 else "the last training"
    corrected = f", corrected by {times}" if estimate.trainings else " (no training has corrected it yet)"
    pace = "at this home's pace" if estimate.pace_known else f"at {estimate.per_hour:.0f} an hour"
    return f"For {model} on {machine}, as the trainer measured it{corrected}; ratings {pace}."


def too_much(estimate: RoundEstimate) -> str:
    """A sentence where it does not fit the memory."""
    if estimate.fits:
        return ""
    return " That is more memory than is free: the trainer would work in smaller pieces, or refuse."


def minutes(seconds: float) -> str:
    """As people say it: 40 s, 14 min, 2.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 10 else f"{hours:.0f} h"


def _range(estimate: RoundEstimate) -> str:
    return f"{minutes(estimate.train_s / estimate.spread)} to {minutes(estimate.train_s * estimate.spread)}"


def gib(count: float) -> str:
    """Bytes as in 1.9 GiB."""
    size = count / GIB
    return f"{size:.1f} GiB" if size < 10 else f"{size:.0f} GiB"
