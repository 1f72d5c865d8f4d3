"""When memory runs out: the same work again in smaller pieces."""

from collections.abc import Callable
from typing import TypeVar

import torch

from ppo.model.policy import Policy
from ppo.processes import is_out_of_memory
from rater_data.errors import BadInput

Result = TypeVar("Result")

LEAST_TOKENS = 64  # a micro-batch that is not halved any more: one response or two


def in_smaller_pieces(
    policy: Policy, work: Callable[[], Result], say: Callable[[str], None] = lambda _line: None
) -> Result:
    """What `work` gives. Where memory runs out it is done again with activations that are computed anew and not kept,
    then in micro-batches of half the size; `say` is told.

    `work` must leave everything as it was when it fails; mini-batches, and so its result, stay the same but for the
    order of sums. Raises BadInput when not even one response at a time fits.
    """
    while True:
        try:
            return work()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Here, not in the handler: until it is left, the error keeps every tensor of the failed try
        if policy.device.type == "cuda":
            torch.cuda.empty_cache()
        if not policy.recompute:
            policy.recompute = True
            say(
                "Memory ran out: what a backward pass needs is computed anew there from here on, and not kept. The "
                "result is the same, and it takes a third longer."
            )
            continue
        before = policy.microbatch_tokens
        if before <= LEAST_TOKENS:
            raise BadInput(
                f"Not even one response at a time fits into the memory of {policy.device}. Make sample.max_new_tokens "
                "smaller, or take a smaller model or a larger machine."
            )
        policy.microbatch_tokens = max(LEAST_TOKENS, before // 2)
        say(
            f"Memory ran out: micro-batches of {policy.microbatch_tokens} tokens from here on, not {before}. The "
            "result is the same, and it takes a little longer."
        )
