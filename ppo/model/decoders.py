"""One token a row: prompts are read once, their keys and values kept, and each new token costs one narrow forward.

`sample_responses` asks for four things (the `Decoder` protocol); who does them depends on the model and the machine.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import StaticCache
from transformers.cache_utils import StaticLayer

from ppo.model.cpu.blocks import DecoderBlocks, LayerCache
from ppo.model.cpu.onednn_linear import OneDNNLinear
from ppo.model.devices.moving import devices_of
from ppo.model.lm_head import LMHead, logits_of_rows, tempered_logits

Context = Callable[[], AbstractContextManager]
WARM_UP_RUNS = 2  # runs before a capture, so that every kernel has chosen its way and taken its memory
ALIGNED = 16  # columns of a mask that a GPU's attention takes without copying it in every layer


class Decoder(Protocol):
    """What `sample_responses` needs of a model. Rows are the responses that are still being written."""

    device: torch.device

    def prefill(self, prompts: Sequence[Sequence[int]], per_prompt: int, room: int) -> Tensor:
        """Reads prompts once, each for `per_prompt` rows of up to `room` tokens: last states (B, H)."""
        ...

    def step(self, token: Tensor) -> Tensor:
        """One more token (B,) for every row → last states (B, H)."""
        ...

    def keep_rows(self, index: Tensor) -> None:
        """Goes on with the rows of `index` alone."""
        ...

    def logits(self, states: Tensor, temperature: float) -> Tensor:
        """Last states (B, H) → tempered logits (B, V), fp32."""
        ...


class ModuleDecoder:
    """Any causal language model of transformers, with its own growing cache; every forward in a `context`."""

    def __init__(self, model: Any, context: Context = nullcontext):
        self.model, self.context = model, context
        self.body, self.head = self.model.base_model, self.model.get_output_embeddings()
        self.device = self.head.weight.device
        devices = devices_of(self.model)  # it begins to read on the first of them
        self._first, self._spread = devices[0], len(devices) > 1

    def prefill(self, prompts: Sequence[Sequence[int]], per_prompt: int, room: int) -> Tensor:
        """As `Decoder.prefill`."""
        ids, mask = left_pad(prompts, self._first)
        with self.context():
            out = self.body(
                input_ids=ids, attention_mask=mask.long(), position_ids=_position_ids(mask), use_cache=True
            )
        self._cache = out.past_key_values
        self._cache.batch_repeat_interleave(per_prompt)
        self._mask = mask.long().repeat_interleave(per_prompt, dim=0)
        return out.last_hidden_state[:, -1].repeat_interleave(per_prompt, dim=0)

    def step(self, token: Tensor) -> Tensor:
        """As `Decoder.step`."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(token), 1)], dim=1)
        with self.context():
            out = self.body(
                input_ids=token.unsqueeze(1).to(self._first),
                attention_mask=self._mask,
                position_ids=self._mask.sum(1, keepdim=True) - 1,
                past_key_values=self._cache,
                use_cache=True,
            )
        return out.last_hidden_state[:, -1]

    def keep_rows(self, index: Tensor) -> None:
        """As `Decoder.keep_rows`."""
        # Each layer's keys are on its own device; an index on the CPU is right for all
        self._cache.batch_select_indices(index.cpu() if self._spread else index)
        self._mask = self._mask[index.to(self._first)]

    def logits(self, states: Tensor, temperature: float) -> Tensor:
        """As `Decoder.logits`."""
        with self.context():
            return logits_of_rows(states, self.head, temperature, self.model.config)


class _KeysAsValues(StaticLayer):
    """Keys held in the type of the values. Rotary positions of states in fp32 leave keys in fp32 beside values in
    bf16; attention's product rounds them anyway, and a cache takes one type alone."""

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        super().lazy_initialization(key_states.to(value_states.dtype), value_states)

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        return super().update(key_states.to(value_states.dtype), value_states, *args, **kwargs)


class StaticDecoder:
    """A model of transformers with keys and values in one place and shapes that never change.

    On a GPU a step is captured once and replayed: one launch instead of a thousand (`captured` says whether it is).
    Rows that have ended stay in the batch, unread. For models whose layers all see the whole text (`supports`). Every
    forward in a `context`.
    """

    def __init__(self, model: Any, context: Context = nullcontext):
        self.model, self.context = model, context
        self.body, self.head = self.model.base_model, self.model.get_output_embeddings()
        self.device = self.head.weight.device

    @staticmethod
    def supports(model: Any) -> bool:
        """Whether no layer of it looks through a sliding window."""
        kinds = getattr(model.config, "layer_types", None) or ["full_attention"]
        window = getattr(model.config, "sliding_window", None)
        return set(kinds) == {"full_attention"} and (
            window is None or "layer_types" in model.config.to_dict()
        )

    def prefill(self, prompts: Sequence[Sequence[int]], per_prompt: int, room: int) -> Tensor:
        """As `Decoder.prefill`."""
        ids, mask = left_pad(prompts, self.device)
        count, width = ids.shape
        room += -(width + room) % ALIGNED
        future = mask.new_zeros(count, room)
        causal = torch.ones(width, width + room, dtype=torch.bool, device=self.device).tril()
        diagonal = torch.eye(width, width + room, dtype=torch.bool, device=self.device)
        dtype = self.head.weight.dtype
        allowed = (causal & torch.cat([mask, future], 1).unsqueeze(1)) | diagonal
        self._cache: Any = StaticCache(config=self.model.config, max_cache_len=width + room)
        self._cache.layers = [
            _KeysAsValues(width + room) if type(layer) is StaticLayer else layer
            for layer in self._cache.layers
        ]
        with self.context():
            out = self.body(
                input_ids=ids,
                attention_mask=additive_mask(allowed, dtype).unsqueeze(1),
                position_ids=_position_ids(mask),
                past_key_values=self._cache,
                use_cache=True,
            )
        layers: list[Any] = self._cache.layers  # static ones all, which the base class does not know
        for layer in layers:
            layer.keys = layer.keys.repeat_interleave(per_prompt, 0)
            layer.values = layer.values.repeat_interleave(per_prompt, 0)
        self._mask = additive_mask(torch.cat([mask, future], 1), dtype).repeat_interleave(per_prompt, 0)[
            :, None, None
        ]
        self._place = mask.sum(1, keepdim=True).repeat_interleave(per_prompt, 0)
        self._column = torch.tensor([width], device=self.device)
        self._token = torch.zeros_like(self._place)
        self._states = out.last_hidden_state[:, -1].repeat_interleave(per_prompt, 0)
        self._rows = torch.arange(len(self._place), device=self.device)
        self._graph = self._capture() if self.device.type == "cuda" else None
        return self._states.clone()

    @property
    def captured(self) -> bool:
        """Whether the steps are replays of a graph."""
        return self._graph is not None

    def step(self, token: Tensor) -> Tensor:
        """As `Decoder.step`."""
        self._token[self._rows] = token.unsqueeze(1)
        if self._graph is None:
            self._forward()
        else:
            self._graph.replay()
        return self._states[self._rows]

    def keep_rows(self, index: Tensor) -> None:
        """As `Decoder.keep_rows`."""
        self._rows = self._rows[index]

    def logits(self, states: Tensor, temperature: float) -> Tensor:
        """As `Decoder.logits`."""
        with self.context():
            return logits_of_rows(states, self.head, temperature, self.model.config)

    def _forward(self) -> None:
        self._mask.index_fill_(3, self._column, 0.0)
        with self.context():
            out = self.body(
                input_ids=self._token,
                attention_mask=self._mask,
                position_ids=self._place,
                past_key_values=self._cache,
                use_cache=True,
            )
        self._states.copy_(out.last_hidden_state[:, -1])
        self._column.add_(1)
        self._place.add_(1)

    def _capture(self) -> "torch.cuda.CUDAGraph | None":
        """The step as a graph. What the trials before it did to the state is undone.

        None for a step that waits for the GPU on its way (experts that are counted first, positions that are looked
        at): no graph holds that, and a capture that fails leaves the allocator in between.
        """
        mutable = [self._mask, self._place, self._column, self._states]
        mutable += [layer.cumulative_length for layer in self._cache.layers]
        before = [x.clone() for x in mutable]

        def restore() -> None:
            for x, old in zip(mutable, before, strict=True):
                x.copy_(old)

        stream = _side_stream(self.device)
        with torch.cuda.device(self.device):
            stream.wait_stream(torch.cuda.current_stream())
            waits = False
            with torch.cuda.stream(stream):
                for run in range(WARM_UP_RUNS):
                    try:
                        with _waiting_is_an_error() if run else nullcontext():
                            self._forward()
                    except RuntimeError as error:
                        if "synchronizing" not in str(error):
                            raise
                        waits = True
                    restore()
            torch.cuda.current_stream().wait_stream(stream)
            if waits:
                return None
            graph = torch.cuda.CUDAGraph()
            # Other threads may ask CUDA something meanwhile (NCCL's watchdog does): that is no fault of this one
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                self._forward()
            restore()
        return graph


@cache
def _side_stream(device: torch.device) -> "torch.cuda.Stream":
    """One for all captures on a device: cuBLAS keeps a workspace, of 32 MiB on a large card, for each it has seen."""
    return torch.cuda.Stream(device)


@contextmanager
def _waiting_is_an_error() -> Iterator[None]:
    """Inside, an operation that makes the CPU wait for the GPU raises RuntimeError."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls the mode a prototype whenever it is set
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


class BlocksDecoder:
    """A Llama-shaped model by its hand-written blocks, for one call of `sample_responses`: the adapter is merged."""

    def __init__(self, blocks: DecoderBlocks, head: LMHead):
        # The head first: while it is packed it stands in memory twice, and the blocks one projection at a time
        self._head = OneDNNLinear(head.weight.to(head.low), head.bias)
        self.blocks, self.config = blocks.merged(), head.config
        self.device = head.weight.device

    def prefill(self, prompts: Sequence[Sequence[int]], per_prompt: int, room: int) -> Tensor:
        """As `Decoder.prefill`. What all prompts begin with (a chat template's head) is read once for all."""
        shared = common_prefix_length(prompts) if len(prompts) > 1 else 0
        shared = min(shared, min(map(len, prompts)) - 1)  # each needs a last token of its own
        ids, mask = left_pad([prompt[shared:] for prompt in prompts], self.device)
        count, width = ids.shape
        self._cache = [LayerCache(shared + width + room) for _ in self.blocks.blocks]
        if shared:
            start = torch.tensor([list(prompts[0][:shared])], device=self.device)
            everything = torch.ones(shared, shared, dtype=torch.bool, device=self.device)
            inputs = self.blocks.attention_inputs(
                torch.arange(shared, device=self.device).unsqueeze(0),
                additive_mask(everything.tril(), self.blocks.dtype)[None, None],
            )
            self.blocks(start, inputs, adapted=True, cache=self._cache)
            self._select(torch.zeros(count, dtype=torch.long, device=self.device))
        mask = torch.cat([mask.new_ones(count, shared), mask], dim=1)
        causal = torch.ones(width, shared + width, dtype=torch.bool, device=self.device).tril(shared)
        # Padding looks at itself too: a row of nothing but False would be NaN
        diagonal = torch.eye(width, shared + width, dtype=torch.bool, device=self.device).roll(shared, 1)
        inputs = self.blocks.attention_inputs(
            _position_ids(mask)[:, shared:],
            additive_mask((causal & mask.unsqueeze(1)) | diagonal, self.blocks.dtype).unsqueeze(1),
        )
        states, _ = self.blocks(ids, inputs, adapted=True, cache=self._cache)
        index = torch.arange(count, device=self.device).repeat_interleave(per_prompt)
        self._next = mask.sum(1)
        self._mask = additive_mask(torch.cat([mask, mask.new_ones(count, room)], dim=1), self.blocks.dtype)
        self.keep_rows(index)
        return states[index, -1]

    def step(self, token: Tensor) -> Tensor:
        """As `Decoder.step`."""
        seen = self._cache[0].filled + 1
        inputs = self.blocks.attention_inputs(self._next.unsqueeze(1), self._mask[:, None, None, :seen])
        self._next += 1
        states, _ = self.blocks(token.unsqueeze(1), inputs, adapted=True, cache=self._cache)
        return states[:, 0]

    def keep_rows(self, index: Tensor) -> None:
        """As `Decoder.keep_rows`."""
        self._mask, self._next = self._mask[index], self._next[index]
        self._select(index)

    def _select(self, index: Tensor) -> None:
        for layer in self._cache:
            layer.take(index)

    def logits(self, states: Tensor, temperature: float) -> Tensor:
        """As `Decoder.logits`; the product in the head's own type."""
        return tempered_logits(self._head(states), temperature, self.config)


def additive_mask(allowed: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask to add to attention's scores: 0 where allowed, the lowest number where not."""
    zeros = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device)
    return zeros.masked_fill_(~allowed, torch.finfo(dtype).min)


def left_pad(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Prompts → ids (N, P) and mask (N, P) bool, padded on the left with any token."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + list(p) for p in prompts], device=device)
    lengths = torch.tensor([len(p) for p in prompts], device=device)
    return ids, torch.arange(width, device=device) >= (width - lengths).unsqueeze(1)


def common_prefix_length(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with."""
    first, shortest = prompts[0], min(map(len, prompts))
    for i in range(shortest):
        if any(p[i] != first[i] for p in prompts):
            return i
    return shortest


def _position_ids(mask: Tensor) -> Tensor:
    """Left-padded mask (N, P) → where each token stands in its own prompt."""
    return (mask.cumsum(1) - 1).clamp(min=0)
