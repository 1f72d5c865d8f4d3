"""The plain path: a family's own forward, head and cache, for models that the fast path would read otherwise.

Slower: one response a row, nothing shared, all of its own logits, adapters live while writing. But nothing is assumed
of the family except that a row's logits depend on the tokens before alone, so padding on the right changes nothing; and
a cache may only ever be filled with rows of one length. `self_check` decides who goes this way.
"""

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ppo.model.decoders import left_pad
from ppo.model.rollout import Rollout
from ppo.model.row_packing import pack_rows

PADDED, BY_LENGTH, WITHOUT_CACHE = "padded", "by length", "without a cache"
WRITERS = (PADDED, BY_LENGTH, WITHOUT_CACHE)
"""How responses may be written, the quickest first: all prompts padded to one width; prompts of one length at a time;
the whole text anew for every token."""


@dataclass(frozen=True)
class PlainReading:
    """What the family's own forward says of a rollout's N sampled tokens: the logits that each was drawn from (N, V),
    the states (N, H) before it, and the kept layers' states (N, H) at it; `layers` as many as the model has."""

    logits: Tensor
    states: Tensor
    kept: list[Tensor]
    layers: int


def read_plainly(lm: Any, rollout: Rollout, keep_layers: tuple[int, ...] = ()) -> PlainReading:
    """One response a row, padded on the right."""
    rows = pack_rows(rollout, share=False)
    given: dict[str, Any] = {"input_ids": rows.ids, "attention_mask": rows.attention.long()}
    out = lm(**given, **_known(lm, use_cache=False), output_hidden_states=True)
    hidden: Sequence[Tensor] = out.hidden_states

    def at(states: Tensor, positions: Tensor) -> Tensor:
        if states.shape[:2] != rows.ids.shape:  # several streams of states before the rows (AltUp)
            states = states.movedim(0, 2)
        return states.flatten(2).flatten(0, 1)[positions]

    return PlainReading(
        at(out.logits, rows.state_positions),
        at(hidden[-1], rows.state_positions),
        [at(hidden[i], rows.token_positions).float() for i in keep_layers],
        len(hidden) - 1,
    )


@dataclass
class _Group:
    """Rows that are written together: their place among all rows, their cache, and what they have seen."""

    rows: Tensor
    seen: Tensor
    mask: Tensor
    cache: Any = None


class PlainDecoder:
    """A `Decoder` by the family's own forward and cache. Its states are logits already (B, V)."""

    def __init__(self, lm: Any, writer: str, context: Callable[[], AbstractContextManager]):
        self.lm, self.writer, self.context = lm, writer, context
        self.device = next(lm.parameters()).device

    def prefill(self, prompts: Sequence[Sequence[int]], per_prompt: int, room: int) -> Tensor:
        """As `Decoder.prefill`."""
        together: dict[int, list[int]] = {}
        for place, prompt in enumerate(prompts):
            together.setdefault(0 if self.writer == PADDED else len(prompt), []).append(place)
        self._groups = []
        for places in together.values():
            ids, mask = left_pad([prompts[i] for i in places for _ in range(per_prompt)], self.device)
            rows = torch.tensor([i * per_prompt + k for i in places for k in range(per_prompt)])
            self._groups.append(_Group(rows, ids, mask))
        self._live = torch.arange(len(prompts) * per_prompt)
        return self._gather([self._forward(group, group.seen) for group in self._groups], self._groups)

    def step(self, token: Tensor) -> Tensor:
        """As `Decoder.step`."""
        every = torch.zeros(int(self._live.max()) + 1, dtype=torch.long, device=self.device)
        every[self._live.to(self.device)] = token
        alive = set(self._live.tolist())
        working = [g for g in self._groups if not alive.isdisjoint(g.rows.tolist())]
        found = []
        for group in working:
            # Rows that have ended go on in their group, unread: not every cache can let single rows go
            known = group.rows.clamp(max=len(every) - 1).to(self.device)
            new = every[known].unsqueeze(1)
            group.seen = torch.cat([group.seen, new], 1)
            group.mask = torch.cat([group.mask, group.mask.new_ones(len(new), 1)], 1)
            found.append(self._forward(group, group.seen if self.writer == WITHOUT_CACHE else new))
        self._groups = working
        return self._gather(found, working)

    def keep_rows(self, index: Tensor) -> None:
        """As `Decoder.keep_rows`."""
        self._live = self._live[index.cpu()]

    def logits(self, states: Tensor, temperature: float) -> Tensor:
        """As `Decoder.logits`."""
        return states.float() / temperature

    def _forward(self, group: _Group, ids: Tensor) -> Tensor:
        given: dict[str, Any] = {"input_ids": ids, "attention_mask": group.mask.long()}
        if self.writer == PADDED:
            positions = (group.mask.long().cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            given |= _known(self.lm, position_ids=positions)
        if self.writer == WITHOUT_CACHE:
            given |= _known(self.lm, use_cache=False)
        else:
            given["use_cache"] = True
            if group.cache is not None:
                given["past_key_values"] = group.cache
        with self.context():
            out = self.lm(**given)
        if self.writer != WITHOUT_CACHE:
            group.cache = out.past_key_values
            if group.cache is None:
                raise ValueError("the model keeps no cache")
        return out.logits[:, -1]

    def _gather(self, logits: list[Tensor], groups: list[_Group]) -> Tensor:
        """The groups' logits in the order of the live rows."""
        place = {row: i for i, row in enumerate(torch.cat([g.rows for g in groups]).tolist())}
        return torch.cat(logits)[[place[row] for row in self._live.tolist()]]


def _known(lm: Any, **arguments: Any) -> dict[str, Any]:
    """Those of the arguments that the family's forward names."""
    names = inspect.signature(lm.forward).parameters
    return {name: value for name, value in arguments.items() if name in names}
