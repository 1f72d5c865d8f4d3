"""One base model in memory, and everything that is read off it.

The policy is the base with a LoRA adapter switched on; the reference is the same model with it switched off.
The value head reads the policy's last hidden state, the reward head the reference's: two forwards in all.
Left out on purpose: a second backbone for the critic or the reward (TRL 1.x keeps four models; we keep one).
"""

import contextlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ppo.config import LoraSettings
from ppo.model.base_model import BaseModel
from ppo.model.cpu import attention
from ppo.model.cpu.allocator import return_freed_blocks
from ppo.model.cpu.blocks import DecoderBlocks
from ppo.model.decoders import BlocksDecoder, Decoder, ModuleDecoder, StaticDecoder, additive_mask
from ppo.model.devices.moving import devices_of
from ppo.model.lm_head import LMHead, logprobs_of_logits
from ppo.model.lora import adapted_layers, fuse_lora_layers
from ppo.model.plain_path import PADDED, PlainDecoder, PlainReading, read_plainly
from ppo.model.recomputation import recompute_layers
from ppo.model.rollout import Rollout
from ppo.model.row_packing import pack_rows, rows_at, widest_group
from ppo.processes import ALONE

WINDOW_NAME = re.compile(
    "^(?!.*(layers|pattern)).*(window|chunk_size|local_attention)"
)  # how far attention looks
PLAIN_WIDTH = 768  # widest row whose attention is taken with plain products
WIDEST_SHARED = (
    768  # tokens of a prompt with its responses; beyond, a row a response: a shared row's mask is L × L
)
MICROBATCH_TOKENS = {
    "cpu": 768,
    "cuda": 16384,
}  # read and trained on in one go, until memory runs out; measured (cpu)

ROWS_AT_ONCE = {"cpu": 128}  # more write no quicker there, and each holds keys and values


@dataclass(frozen=True)
class PolicyOutput:
    """What one forward says about a rollout; (B, T) each, 0 outside the mask."""

    logprobs: Tensor
    values: Tensor
    entropy: Tensor


class Policy:
    """The base model, its adapter and the value head.

    `precision` is "fp32" or "bf16" (of matrix products; the head's logits are always fp32, since a rounding of
    bf16 logits is worth several hundredths of a nat). `idle`: linear layers that no adapter goes on.
    """

    def __init__(
        self,
        base: BaseModel,
        lora: LoraSettings,
        precision: str,
        seed: int,
        idle: frozenset[str] = frozenset(),
    ):
        self.base, self.precision = base, precision
        self.processes = ALONE
        self._sent: Tensor | None = None  # the weights that the other processes have
        self.devices = devices_of(base.lm)
        self.device = self.devices[0]  # where a rollout is and what is said of it, wherever the layers are
        self.microbatch_tokens = MICROBATCH_TOKENS.get(self.device.type, 1024)
        # responses that are written together, until memory runs out
        self.rows_at_once = ROWS_AT_ONCE.get(self.device.type, 2**31)
        self.plain_because = fast_path_obstacle(base.lm)
        self.writer = PADDED
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._attention = base.lm.config._attn_implementation
        self._spread = len(self.devices) > 1
        by_blocks = not self.plain_because and self.device.type == "cpu" and DecoderBlocks.supports(base.lm)
        by_blocks = by_blocks and not self._spread
        if precision == "bf16":
            if not by_blocks:  # they take the weights over themselves
                _frozen_linears_to_bf16(base.lm)
            _keep_states_in_fp32(base.lm)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            settings = LoraConfig(
                r=lora.r,
                lora_alpha=lora.alpha,
                lora_dropout=0.0,
                target_modules=adapted_layers(base.lm, idle),
                fan_in_fan_out=any(
                    isinstance(m, Conv1D) for m in base.lm.modules()
                ),  # GPT-2 keeps weights turned
                task_type="CAUSAL_LM",
            )
            self.peft: PeftModel = get_peft_model(base.lm, settings)
        self._blocks = DecoderBlocks(self.peft, base.lm, dtype) if by_blocks else None
        fuse_lora_layers(self.peft, dtype)
        self.recompute = False  # whether activations are computed anew on the way back
        recompute_layers(base.lm, lambda: self.recompute)
        self.peft.eval()  # no dropout anywhere: the base's own would break the ratio too
        self.backbone = base.lm.base_model
        config: Any = base.lm.config.get_text_config()
        # What the plain path takes from the model itself: `measure_shapes`
        self.width, self.layers = 1, int(getattr(config, "num_hidden_layers", 0))
        if not self.plain_because:
            self.lm_head = LMHead(base.lm.get_output_embeddings(), config, bf16=precision == "bf16")
            self.width = self.lm_head.weight.shape[1]
        self.share_prompts = True
        self._adapted = True
        self._window = narrowest_window(config)
        self._can_switch_attention = (
            precision == "bf16"
            and self.device.type == "cpu"
            and self._attention == "sdpa"
            and not softcaps_attention(base.lm)
        )
        self.value_head = self._new_value_head()

    def _new_value_head(self) -> nn.Linear:
        head = nn.Linear(self.width, 1, device=self.device)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        return head

    def use_plain_path(self, because: str) -> None:
        """From here on by the family's own forward; `because` says why. `writer` is how responses are written."""
        self.plain_because = because
        self._blocks = None
        self.base.lm.config._attn_implementation = self._attention

    def measure_shapes(self, rollout: Rollout) -> None:
        """Takes width and number of hidden states from what the model really gives: configs name them in many ways."""
        with torch.no_grad(), self.autocast():
            reading = read_plainly(self.base.lm, rollout)
        self.layers, self.width = reading.layers, reading.states.shape[-1]
        self.value_head = self._new_value_head()

    # ---- parameters

    def adapter_parameters(self) -> list[nn.Parameter]:
        """The LoRA matrices, in a fixed order."""
        return [p for _, p in sorted(self.peft.named_parameters()) if p.requires_grad]

    def adapter_state(self) -> dict[str, Tensor]:
        """The LoRA matrices by name, on the CPU (copies)."""
        return {n: p.detach().cpu().clone() for n, p in self.peft.named_parameters() if p.requires_grad}

    def load_adapter_state(self, state: dict[str, Tensor]) -> None:
        """Puts back what `adapter_state` gave. Raises KeyError for a state of another shape of adapter."""
        own = {n: p for n, p in self.peft.named_parameters() if p.requires_grad}
        if own.keys() != state.keys():
            raise KeyError("the adapter's tensors are not those of this model")
        with torch.no_grad():
            for name, tensor in state.items():
                own[name].copy_(tensor)

    def present(self) -> dict[str, Any]:
        """How it stands, for the trainer's other processes; the adapter's and the value head's numbers if they have
        changed since."""
        parts = [*self.adapter_parameters(), *self.value_head.parameters()]
        now, message = (
            torch.cat([p.detach().flatten().cpu() for p in parts]),
            {"tokens": self.microbatch_tokens, "recompute": self.recompute},
        )
        if self._sent is not None and torch.equal(now, self._sent):
            return message
        self._sent = now
        return message | {"weights_now": now}

    def become(self, message: dict[str, Any]) -> None:
        """Takes over what `present` gave in another process."""
        self.microbatch_tokens, self.recompute = message["tokens"], message["recompute"]
        flat = message.get("weights_now")
        if flat is not None:
            parts = [*self.adapter_parameters(), *self.value_head.parameters()]
            with torch.no_grad():
                for parameter, values in zip(parts, flat.split([p.numel() for p in parts]), strict=True):
                    parameter.copy_(values.view(parameter.shape))

    def return_memory(self) -> None:
        """Hands what is free back to the system, where that is a choice: on a CPU."""
        if self.device.type == "cpu":
            return_freed_blocks()

    # ---- forwards

    @contextlib.contextmanager
    def reference(self) -> Iterator[None]:
        """Inside, the adapter is off: the model is the one that this line of versions started from."""
        self._adapted = False
        try:
            with self.peft.disable_adapter():
                yield
        finally:
            self._adapted = True

    def autocast(self) -> contextlib.AbstractContextManager:
        """Matrix products of the model's own modules in the policy's precision."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def hidden_states(
        self, rollout: Rollout, keep_layers: tuple[int, ...] = ()
    ) -> tuple[Tensor, list[Tensor]]:
        """Last hidden states before each sampled token (N, H), and those *at* it of each of `keep_layers`.

        N runs over the True entries of `rollout.response_mask`, row after row; layer 0 is the embedding.
        """
        if self.plain_because:
            reading = self._read_plainly(rollout, keep_layers)
            return reading.states, reading.kept
        packed = pack_rows(rollout, self.share_prompts and widest_group(rollout) <= WIDEST_SHARED)
        if self._window is not None and packed.ids.shape[1] > self._window:
            # Sliding attention counts columns, and a packed row's are not its positions
            packed = pack_rows(rollout, share=False)
        elif self._blocks is not None and packed.attention.ndim == 4:
            self._blocks.refresh()
            mask = additive_mask(packed.attention, self._blocks.dtype)
            inputs = self._blocks.attention_inputs(packed.positions, mask)
            self._blocks.recompute = self.recompute
            last, seen = self._blocks(packed.ids, inputs, self._adapted, keep_layers)
            kept = [seen[i].flatten(0, 1)[packed.token_positions] for i in keep_layers]
            return last.flatten(0, 1)[packed.state_positions], kept
        with self.autocast():
            out = self.backbone(
                input_ids=packed.ids,
                attention_mask=self._attention_input(packed.attention),
                position_ids=packed.positions,
                use_cache=False,
                output_hidden_states=bool(keep_layers),
            )
        rows = rows_at(out.last_hidden_state, packed.state_positions)
        return rows, [
            rows_at(out.hidden_states[i].flatten(2), packed.token_positions).float() for i in keep_layers
        ]

    def _attention_input(self, allowed: Tensor) -> Tensor | None:
        """The mask as the model wants it, None for one response a row; picks the attention that suits the width.

        On a CPU in bf16 plain products take half the time of the fused kernel, whose backward is slow, but keep
        (L, L) a head and layer: fused for long rows.
        """
        if allowed.ndim == 2:
            # Padded on the right, where no token looks; without a mask attention keeps nothing of the square of a row
            self.base.lm.config._attn_implementation = self._attention
            return None
        if self._can_switch_attention:
            short = allowed.shape[-1] <= PLAIN_WIDTH
            self.base.lm.config._attn_implementation = attention.NAME if short else "sdpa"
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        return additive_mask(allowed, dtype)

    def _read_plainly(self, rollout: Rollout, keep_layers: tuple[int, ...]) -> PlainReading:
        with self.autocast():
            return read_plainly(self.base.lm, rollout, keep_layers)

    def forward(self, rollout: Rollout, temperature: float) -> PolicyOutput:
        """Log-probabilities, values and entropy of the sampled tokens; keeps gradients where they are enabled."""
        return self.read(rollout, temperature)[0]

    def read(
        self, rollout: Rollout, temperature: float, keep_layers: tuple[int, ...] = ()
    ) -> tuple[PolicyOutput, Tensor, list[Tensor]]:
        """As `forward`, with what `hidden_states` gives, all in one reading."""
        ids = rollout.response_ids[rollout.response_mask]
        if self.plain_because:
            reading = self._read_plainly(rollout, keep_layers)
            rows, kept = reading.states, reading.kept
            logprobs, entropy = logprobs_of_logits(reading.logits, ids, temperature)
        else:
            rows, kept = self.hidden_states(rollout, keep_layers)
            logprobs, entropy = self.lm_head.logprobs(rows, ids, temperature)
        values = self.values_of(rows)
        output = PolicyOutput(rollout.spread(logprobs), rollout.spread(values), rollout.spread(entropy))
        return output, rows, kept

    def values_of(self, states: Tensor) -> Tensor:
        """The critic's values (...) of the policy's last hidden states (..., H).

        Detached: the critic learns from the states and does not move them. Normalised: their size differs by
        orders of magnitude between models, and with it what one learning rate means.
        """
        normal = nn.functional.layer_norm(states.detach().float(), states.shape[-1:])
        return self.value_head(normal).squeeze(-1)

    # ---- sampling

    def decoder(self) -> Decoder:
        """What writes as the policy stands now, for `sample_responses`: its own modules, the adapter beside them.

        Blocks have the adapter merged into a copy of their weights that lasts as long as the decoder, where memory
        allows.
        """
        if self.plain_because:
            return PlainDecoder(self.base.lm, self.writer, self.autocast)
        if self._blocks is not None:
            return BlocksDecoder(self._blocks, self.lm_head)
        # No graph holds steps on several devices
        static = self.device.type == "cuda" and not self._spread and StaticDecoder.supports(self.base.lm)
        kind = StaticDecoder if static else ModuleDecoder
        return kind(self.base.lm, self._writing)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Around every forward of a decoder by transformers' modules."""
        config: Any = self.base.lm.config
        if self.device.type == "cpu" and self._attention == "sdpa":
            # One query a row: faster than the fused kernel here
            config._attn_implementation = "eager" if softcaps_attention(self.base.lm) else attention.NAME
        try:
            with self.autocast():
                yield
        finally:
            config._attn_implementation = self._attention


def pick_precision(name: str, device: torch.device) -> str:
    """auto → bf16 where the chip multiplies it natively, else fp32."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() else "fp32"


def fast_path_obstacle(lm: PreTrainedModel) -> str:
    """Why this family cannot be read the fast way, as far as its code shows; empty when it may be tried."""
    if lm.base_model is lm:
        return "its layers and its head are one module"
    if not isinstance(lm.get_output_embeddings(), nn.Linear):
        return "its head is no single linear layer"
    if "position_ids" not in inspect.signature(lm.base_model.forward).parameters:
        return "it takes no positions"
    return ""


def narrowest_window(config: Any) -> int | None:
    """The fewest tokens that any layer looks back at, by whatever name the family keeps it under."""
    named = [v for k, v in config.to_dict().items() if WINDOW_NAME.search(k)]
    found = [v for v in named if isinstance(v, int) and not isinstance(v, bool) and v > 0]
    return min(found, default=None)


def softcaps_attention(lm: PreTrainedModel) -> bool:
    """Whether its attention bends its scores (Gemma 2), which only the family's own code does."""
    return bool(getattr(lm.config, "attn_logit_softcapping", None))


def _frozen_linears_to_bf16(lm: PreTrainedModel) -> None:
    """Autocast would round these weights at every forward; once is the same and saves the time and the memory."""
    head = lm.get_output_embeddings()
    for module in lm.modules():
        if isinstance(module, nn.Linear) and module is not head and module.weight.is_floating_point():
            module.weight.data = module.weight.data.bfloat16()


def _keep_states_in_fp32(lm: PreTrainedModel) -> None:
    """What layers add to stays fp32 from the embedding on, whatever type that is stored in: sums of thirty layers in
    bf16 would be rounded thirty times. Norms and biases follow: a norm takes its input's type alone."""
    embeddings: Any = lm.get_input_embeddings()
    if embeddings.weight.dtype != torch.float32:
        embeddings.register_forward_hook(lambda _module, _inputs, states: states.float())
    for parameter in lm.parameters():
        if parameter.ndim < 2 and parameter.is_floating_point():
            parameter.data = parameter.data.float()
