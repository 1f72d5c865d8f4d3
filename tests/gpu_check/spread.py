"""A base over several GPUs of one process, against the same on one of them. Only where there are two."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ppo.config import SampleConfig
from ppo.model.loading.base_models import SPLIT, pick_devices, spread_base
from ppo.model.policy import Policy
from ppo.model.sampling import write_responses
from ppo.model.self_check import checked_policy
from tests.gpu_check.outcome import Held, Outcome
from tests.gpu_check.subjects import CONFIG, T, moved_policy, random_rollout, tiny_base

FAMILIES = ("llama", "qwen2", "gemma2", "gpt2")
LIMITS = {"fp32": 1e-4, "bf16": 0.05}
BORDERLINE = 1.0  # of 12 responses: rounding may put a draw on the other side


def check(device: torch.device) -> Outcome:
    """Log-probabilities, gradients, responses, and the path that the self-check takes."""
    if torch.cuda.device_count() < 2 or device.type != "cuda":
        return Outcome(True, "not run: layers are spread over two GPUs at least")
    held, devices = Held("Layers over several GPUs"), pick_devices(SPLIT)
    for family in FAMILIES:
        for precision, limit in LIMITS.items():
            found = gaps(family, precision, devices)
            held.hold(
                f"{family}, {precision}: log-probabilities against one GPU, nats", limit, lambda f=found: f[0]
            )
            held.hold(f"{family}, {precision}: gradients, of the largest", limit, lambda f=found: f[1])
        held.hold(
            f"{family}, fp32: responses that differ",
            BORDERLINE,
            lambda f=family: responses_that_differ(f, devices),
        )
        held.hold(f"{family}: self-check, nats", 1e-3, lambda f=family: self_check_gap(f, devices))
    return held.outcome()


def spread_policy(family: str, precision: str, devices: Sequence[torch.device]) -> Policy:
    """The policy of `moved_policy` with its layers on those devices."""
    base = tiny_base(family, devices[0])
    spread_base(base, devices)
    return moved_policy(base, precision)


def gaps(family: str, precision: str, devices: Sequence[torch.device]) -> tuple[float, float]:
    """The largest difference of a log-probability, and of a gradient as a share of the largest."""
    one, one_gradient = _read(moved_policy(tiny_base(family, devices[0]), precision))
    many, many_gradient = _read(spread_policy(family, precision, devices))
    largest = float(one_gradient.abs().max())
    return float((one - many).abs().max()), float((one_gradient - many_gradient).abs().max()) / largest


def _read(policy: Policy) -> tuple[Tensor, Tensor]:
    policy._blocks = None  # on a CPU, to rehearse: a GPU has none
    read = policy.forward(random_rollout(policy.device), T).logprobs
    read.sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    gradients = [p.grad.flatten().cpu() for p in policy.adapter_parameters() if p.grad is not None]
    return read.detach().cpu(), torch.cat(gradients)


def responses_that_differ(family: str, devices: Sequence[torch.device]) -> float:
    """Of 12 responses drawn with one seed."""
    sample = SampleConfig(temperature=T, max_new_tokens=8)
    drawn = []
    for policy in (
        moved_policy(tiny_base(family, devices[0]), "fp32"),
        spread_policy(family, "fp32", devices),
    ):
        policy._blocks = None
        groups = write_responses(policy, policy.base, [[5, 6, 7], [9, 10, 11, 12]], 6, sample, seed=5)
        drawn.append([one.token_ids for group in groups for one in group])
    return float(sum(one != other for one, other in zip(*drawn, strict=True)))


def self_check_gap(family: str, devices: Sequence[torch.device]) -> float:
    """What the self-check at load finds. Raises BadInput for a model that it refuses."""
    base = tiny_base(family, devices[0])
    spread_base(base, devices)
    return checked_policy(base, CONFIG.lora, "fp32", seed=0)[1].gap
