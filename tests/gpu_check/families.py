"""A dozen families of models in both precisions: which path, and are the ratio and the KL what they must be?"""

from dataclasses import dataclass

import torch

from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.algorithm.rules import RATIO_LIMIT
from ppo.model.decoders import StaticDecoder
from ppo.model.rollout import Rollout, rollout_of
from ppo.model.sampling import write_responses
from ppo.model.self_check import FAST, checked_policy
from tests.gpu_check.outcome import Outcome, Table
from tests.gpu_check.subjects import CONFIG, experience_of, tiny_base

FAMILIES = (
    *(
        "llama",
        "mistral",
        "qwen2",
        "qwen3",
        "gemma2",
        "gemma3",
        "phi3",
        "gpt2",
        "gpt_neox",
        "falcon",
        "bloom",
    ),
    *("mixtral", "qwen3_moe"),
)
PER_PROMPT = 2


@dataclass(frozen=True)
class Found:
    """Of one family in one precision. `ratio_gap`: largest |new − old| with a learning rate of 0; `kl`: the largest of
    a response against the reference at the start; `writer`: what writes, and whether its steps are a graph."""

    path: str
    says: str
    writer: str
    ratio_gap: float
    kl: float


def check(device: torch.device, families: tuple[str, ...] = FAMILIES) -> Outcome:
    """All of them; a family is right when it is read by some path, its ratio is 1 and its KL 0."""
    table = Table(
        "Families", ["family", "precision", "path", "written by", "ratio gap", "KL at the start", "holds"]
    )
    told = Table("What the self-check said", ["family", "precision", "sentence"])
    failed, numbers = [], {}
    for family in families:
        for precision in ("fp32", "bf16"):
            name = f"{family} {precision}"
            try:
                found = look_at(family, precision, device)
            except Exception as error:  # what a family does on an unknown card is what is to be found out
                table.rows.append([family, precision, "", "", "", "", f"FAILED: {type(error).__name__}"])
                told.rows.append([family, precision, " ".join(str(error).split())[:300]])
                failed.append(name)
                continue
            holds = found.ratio_gap <= RATIO_LIMIT and found.kl <= RATIO_LIMIT
            numbers[name] = {"path": found.path, "ratio_gap": found.ratio_gap, "kl": found.kl}
            gaps = [f"{found.ratio_gap:.1e}", f"{found.kl:.1e}"]
            table.rows.append([family, precision, found.path, found.writer, *gaps, "yes" if holds else "NO"])
            told.rows.append([family, precision, found.says])
            failed += [] if holds else [name]
    fast = sum(one["path"] == FAST for one in numbers.values())
    says = f"{len(numbers)} of {2 * len(families)} read right, {fast} by the fast path, at most {RATIO_LIMIT:.0e} nats"
    return Outcome(not failed, says if not failed else f"failed: {', '.join(failed)}", [table, told], numbers)


def look_at(family: str, precision: str, device: torch.device) -> Found:
    """One family: self-checked, written by its own policy, scored, and updated with a learning rate of 0."""
    base = tiny_base(family, device)
    policy, checked = checked_policy(base, CONFIG.lora, precision, seed=0)
    draw = torch.Generator().manual_seed(0)
    prompts = [torch.randint(5, 250, (n,), generator=draw).tolist() for n in (7, 12, 9, 20)]
    decoder = policy.decoder()
    with torch.no_grad():
        decoder.prefill(prompts, PER_PROMPT, 4)
    writer = type(decoder).__name__
    if isinstance(decoder, StaticDecoder):
        writer += ", a graph" if decoder.captured else ", no graph"
    drawn = write_responses(policy, base, prompts, PER_PROMPT, CONFIG.sample, seed=0)
    rollout = _rollout(prompts, [one.token_ids for group in drawn for one in group], device)
    experience = experience_of(policy, rollout)
    kl = float(experience.evaluated.kl_per_response().abs().max())
    metrics = ppo_update(TrainState.begin(policy, CONFIG.ppo, 1), experience, CONFIG, 1, seed=0)
    return Found(checked.path, checked.says, writer, metrics["ratio_gap"], kl)


def _rollout(prompts: list[list[int]], responses: list[list[int]], device: torch.device) -> Rollout:
    owner = [i // PER_PROMPT for i in range(len(responses))]
    return rollout_of([prompts[i] for i in owner], responses, [False] * len(owner), owner, 0, device)
