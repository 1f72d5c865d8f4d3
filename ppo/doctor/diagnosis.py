"""What `python -m ppo doctor` finds out, by loading the model as a round does and by working a round's mini-batch.

Memory is measured, not guessed: a mini-batch is written, read and trained on with as many responses as configured, each
as long as it may get. What that took beyond the model at rest grows with the tokens that are read in one go: so it is
known how long one response could be. Minutes are those of `rater_data/planning`, as the console says them.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ppo.config import Config
from ppo.costs.measuring import Measured, costs_of, work_minibatch
from ppo.model.chat_format import OTHER_PROBE, PROBE
from ppo.training.engine import Engine
from rater_data.planning.basis import planned_values
from rater_data.planning.costs import RoundCosts
from rater_data.planning.estimate import HomeFacts, RoundEstimate, estimate_round
from rater_data.store.database.release import own_release

FactsOf = Callable[[RoundCosts], HomeFacts]


@dataclass(frozen=True)
class Needs:
    """What a round as configured needs: peak of memory, what is free, the longest response that fits, and minutes of
    its training and of writing the responses of the next one, `spread` times as many or as few."""

    peak: int
    free: int
    longest_response: int
    minutes: float
    writing_minutes: float
    spread: float
    measured: Measured
    costs: RoundCosts

    @property
    def fits(self) -> bool:
        """Whether the round as configured stays within the memory."""
        return self.peak <= self.free


def diagnose(
    engine: Engine, config: Config, tell: Callable[[str], None], facts: FactsOf = lambda _costs: HomeFacts()
) -> dict[str, Any]:
    """Everything that `--json` writes; `tell` hears what is being done. `facts`: of the home that it is for,
    by what is measured."""
    base, policy = engine.base, engine.policy
    config = replace(config, precision=policy.precision)
    tell(f"Working a mini-batch of {config.ppo.minibatch} responses …")
    needs = measure_needs(engine, config, facts)
    parameters = {id(p): p for p in base.lm.parameters()}
    adapter = policy.adapter_parameters()
    return {
        "model": {
            "name": base.name,
            "revision": base.revision,
            "family": base.lm.config.model_type,
            "class": type(base.lm).__name__,
            "parameters": sum(p.numel() for p in parameters.values()) - sum(p.numel() for p in adapter),
            "adapter_parameters": sum(p.numel() for p in adapter),
            "dtype_on_disk": base.stored_dtype,
            "precision": policy.precision,
            "device": str(policy.device),
            "context": base.context if base.context < 2**30 else None,
            "notes": [*base.notes, *engine.self_check.notes],
        },
        "path": asdict(engine.self_check) | {"says": engine.self_check.says},
        "prompts": {
            "template": bool(base.chat.template is None),
            "example": base.tokenizer.decode(
                base.encode([{"role": "user", "content": PROBE}], config.sample)
            ),
            "start": base.tokenizer.convert_ids_to_tokens(list(base.chat.start_ids)),
            "stops": {i: base.tokenizer.convert_ids_to_tokens(i) for i in base.stop_ids},
            "answer": OTHER_PROBE,
        },
        "sample": asdict(config.sample),
        "needs": asdict(needs) | {"fits": needs.fits},
    }


def measure_needs(engine: Engine, config: Config, facts: FactsOf) -> Needs:
    """Works a mini-batch and says what a round needs. The adapter is afterwards what it was."""
    layers, limit = engine.reward_layers(config), engine.prompt_limit(config)
    whole = work_minibatch(engine.policy, engine.base, config, layers, limit)
    costs = costs_of(whole, engine.policy, config, engine.base.name, own_release().version)
    return needs_of(whole, costs, config, engine.base.context, facts(costs))


def needs_of(whole: Measured, costs: RoundCosts, config: Config, context: int, facts: HomeFacts) -> Needs:
    """From what was measured to what a round of that config needs; `context`: tokens that the model reads at most."""
    prompt = whole.tokens // whole.responses - config.sample.max_new_tokens
    longest = min(int(max(0, costs.free - whole.rest) / costs.microbatch_token), context) - prompt
    said: RoundEstimate = estimate_round(planned_values(config.to_dict()), costs, facts)
    return Needs(
        said.peak,
        costs.free,
        max(0, longest),
        said.train_s / 60,
        said.writing_s / 60,
        said.spread,
        whole,
        costs,
    )
