"""What the trainer asks of whoever writes its responses, and the one that is always there: the model in memory."""

from collections.abc import Callable, Sequence
from typing import Protocol

from ppo.config import SampleConfig
from ppo.model.policy import Policy
from ppo.model.sampling import SampledResponse, write_responses


class Generator(Protocol):
    """Writes responses of the policy as it stands: its base with the adapter that is on it at that moment."""

    def draw(
        self,
        prompts: Sequence[Sequence[int]],
        per_prompt: int,
        sample: SampleConfig,
        seed: int,
        tick: Callable[[int], None] | None = None,
    ) -> list[list[SampledResponse]]:
        """`per_prompt` responses to each prompt (token ids), drawn from softmax(logits / temperature) and no other way.

        `tick` is called with how far it is while responses are written, and may raise to stop the work.
        """
        ...


class BuiltIn:
    """The model in memory. What it draws from is what scores: there are no log-probabilities of its own to keep."""

    def __init__(self, policy: Policy):
        self.policy = policy

    def draw(
        self,
        prompts: Sequence[Sequence[int]],
        per_prompt: int,
        sample: SampleConfig,
        seed: int,
        tick: Callable[[int], None] | None = None,
    ) -> list[list[SampledResponse]]:
        """As `Generator.draw`; the same weights, prompts and seed give the same responses."""
        return write_responses(self.policy, self.policy.base, prompts, per_prompt, sample, seed, tick)
