"""What must hold while the engine runs, checked in every step of every round: a result each, with cause and cure.

The sentences are stored with the step, so that the console (which never loads torch) shows the engine's own words.
"""

from dataclasses import asdict, dataclass
from typing import Any

RATIO_LIMIT = 1e-4  # nats: the same rollout, weights and micro-batch, read twice; fp32 and bf16 alike
STORED_LIMIT = 0.05  # nats a token, mean of a response: as it was stored when written, and as it is read now
GENERATOR_LIMIT = 0.1  # nats a token, mean: the trainer, and another program that writes with its weights
ALARM = 3.0  # standard errors below 0 at which a mean KL is no accident
ENDINGS = 0.01  # share of responses that end by themselves, below which endings cannot be learned


@dataclass(frozen=True)
class RuleResult:
    """One rule: whether it holds, what was measured against which limit, and what to make of it."""

    rule: str
    ok: bool
    value: float
    limit: float
    says: str


def check_rules(metrics: dict[str, float], *, first: bool, max_new_tokens: int) -> list[dict[str, Any]]:
    """The rules that this step's metrics speak of; none of a step without responses.

    `first`: nothing of this line of versions was trained before it.
    """
    if "kl_se" not in metrics:
        return []
    results = [
        _check_reread_logprobs(metrics),
        _check_kl_sign(metrics),
        _report_endings(metrics, max_new_tokens),
        _check_finite(metrics),
    ]
    if first:
        results.append(_check_starts_at_reference(metrics))
    if "sampling_gap" in metrics:
        results.append(_check_stored_logprobs(metrics))
    if "generator_gap" in metrics:
        results.append(_check_generator(metrics))
    return [asdict(result) for result in results if result is not None]


def _check_reread_logprobs(metrics: dict[str, float]) -> RuleResult | None:
    if "ratio_gap" not in metrics:
        return None
    gap = metrics["ratio_gap"]
    ok = gap <= RATIO_LIMIT
    says = f"Reading the same responses twice gave the same log-probabilities (largest difference {gap:.1g})."
    if not ok:
        says = (
            f"Training and scoring disagree by up to {gap:.2g} nats before anything was learned: something random "
            "or shape-dependent is at work in the model. Train with precision fp32; if it stays, the model cannot be "
            "used."
        )
    return RuleResult("same reading twice", ok, gap, RATIO_LIMIT, says)


def _check_starts_at_reference(metrics: dict[str, float]) -> RuleResult:
    kl = abs(metrics["kl"])
    ok = kl <= RATIO_LIMIT
    says = "Before the first update the policy is the reference (KL 0)."
    if not ok:
        says = (
            f"The KL is {metrics['kl']:.3g} nats before the first update: the reference is not what training starts "
            "from. Begin a new home with the model or adapter that was meant."
        )
    return RuleResult("starts at the reference", ok, kl, RATIO_LIMIT, says)


def _check_kl_sign(metrics: dict[str, float]) -> RuleResult:
    kl, error = metrics["kl"], metrics.get("kl_se", 0.0)
    low = -ALARM * error
    ok = kl >= low - RATIO_LIMIT
    says = f"Sampling and scoring agree: the mean KL, {kl:.2f} nats, is not below 0 beyond chance."
    if not ok:
        says = (
            f"Sampling and scoring disagree: the mean KL is {kl:.2f} nats, more than {ALARM:g} standard errors "
            "below 0, so the responses were not drawn from the policy that scores them. Check that temperature, "
            "prompt format and weights are those they were written with; train with precision fp32."
        )
    return RuleResult("KL is not negative", ok, kl, low, says)


def _check_stored_logprobs(metrics: dict[str, float]) -> RuleResult:
    gap = metrics["sampling_gap"]
    ok = gap <= STORED_LIMIT
    says = f"Rated responses are read as when they were written (at most {gap:.3f} nats a token apart)."
    if not ok:
        says = (
            f"Rated responses are read {gap:.2f} nats a token away from when they were written: the version in "
            "training is not the one that wrote them, or the precision changed. Restore its files, or rate a new "
            "round."
        )
    return RuleResult("written as read", ok, gap, STORED_LIMIT, says)


def _check_generator(metrics: dict[str, float]) -> RuleResult:
    gap, effective = metrics["generator_gap"], metrics["generator_effective"]
    ok = gap <= GENERATOR_LIMIT
    says = (
        f"The generator writes with the policy's weights: its log-probabilities are {gap:.2g} nats a token from the "
        f"trainer's, and a token it drew counts {effective:.1%} of one drawn here."
    )
    if not ok:
        says = (
            f"The generator's log-probabilities are {gap:.2g} nats a token from the trainer's, so that a token it drew "
            f"counts {effective:.1%} of one drawn here: train with the precision that it writes with, and let it serve "
            "the model unquantised."
        )
    return RuleResult("generator agrees", ok, gap, GENERATOR_LIMIT, says)


def _report_endings(metrics: dict[str, float], max_new_tokens: int) -> RuleResult | None:
    if "eos_share" not in metrics:
        return None
    share = metrics["eos_share"]
    ok = share >= ENDINGS
    says = (
        f"{share:.0%} of the responses end by themselves; the others are cut at {max_new_tokens} tokens and scored "
        "as they are."
    )
    if not ok:
        says = (
            f"Hardly a response ends by itself ({share:.0%}): they are cut at {max_new_tokens} tokens, and endings "
            "cannot be learned. Raise sample.max_new_tokens, or ask raters to score unfinished answers lower."
        )
    return RuleResult("responses end", ok, share, ENDINGS, says)


def _check_finite(metrics: dict[str, float]) -> RuleResult:
    dropped = metrics.get("dropped", 0.0)
    says = "Loss and gradients were finite numbers."
    if dropped:
        says = (
            "A loss or gradient was not a finite number; the step's update was taken back. If it happens again, "
            "lower ppo.learning_rate or train with precision fp32."
        )
    return RuleResult("numbers are finite", not dropped, dropped, 0.0, says)
