"""Llama-shaped decoder blocks on a CPU, each one step of autograd with its backward written out.

Built from the model's own modules and PEFT's own LoRA parameters; what it saves is everything between the matrix
products: transformers' and PEFT's forward is some sixty operations a block and its backward twice that, most of them on
tensors that a processor's cache holds, so that starting them costs more than doing them. Here linear layers that read
the same input are one product, an adapter's own two products are folded into it, and only what the backward needs is
kept. The same sums as the model's (the tests hold it to them, forwards and backwards), for the shapes that
`DecoderBlocks.supports` names; every other model goes transformers' way.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.models.llama.modeling_llama import LlamaDecoderLayer
from transformers.models.mistral.modeling_mistral import MistralDecoderLayer
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer

from ppo.model.cpu.attention import attend, attend_backward, probabilities
from ppo.model.cpu.fused_linear import FusedLoraLinear, MergedLinear

SHAPES = (LlamaDecoderLayer, MistralDecoderLayer, Qwen2DecoderLayer)


@dataclass(frozen=True)
class AttentionInputs:
    """Where the tokens of R rows of L stand: rotary cos and sin (R, 1, L, D), additive mask (R, 1, L, S)."""

    cos: Tensor
    sin: Tensor
    mask: Tensor


class DecoderBlock:
    """One decoder layer."""

    def __init__(self, layer: Any, dtype: torch.dtype):
        attention, mlp = layer.self_attn, layer.mlp
        self.qkv = FusedLoraLinear([attention.q_proj, attention.k_proj, attention.v_proj], dtype)
        self.out = FusedLoraLinear([attention.o_proj], dtype)
        self.gate_up = FusedLoraLinear([mlp.gate_proj, mlp.up_proj], dtype)
        self.down = FusedLoraLinear([mlp.down_proj], dtype)
        self.head = attention.head_dim
        self.heads, self.groups = (n // self.head for n in self.qkv.sizes[:2])
        self.scaling = attention.scaling
        self.norms = (_RMSNorm(layer.input_layernorm), _RMSNorm(layer.post_attention_layernorm))

    @property
    def projections(self) -> tuple[FusedLoraLinear, ...]:
        """All four, in the order of `backward`'s gradients."""
        return self.qkv, self.out, self.gate_up, self.down

    def parameters(self) -> list[nn.Parameter]:
        """The adapter's matrices in the order of `backward`'s gradients."""
        return [p for projection in self.projections for p in projection.parameters()]

    def merged(self) -> "DecoderBlock":
        """The same block with its adapter in its weights, for generation."""
        other: Any = copy.copy(self)
        other.qkv, other.out, other.gate_up, other.down = (
            MergedLinear(projection) for projection in self.projections
        )
        return other

    def forward(
        self, x: Tensor, inputs: AttentionInputs, adapted: bool, cache: "LayerCache | None", kept: list | None
    ) -> Tensor:
        """x (R·L, H) fp32 → the same after the layer. With `kept`, what `backward` needs is put there."""
        rows, _, length, _ = inputs.cos.shape
        read = self.qkv.input(len(x))
        inverse = self.norms[0].forward(x, read[:, : self.qkv.inputs])
        qkv = self.qkv.forward(read, adapted).view(rows, length, -1, self.head).transpose(1, 2)
        rotated = _apply_rotary(qkv[:, : self.heads + self.groups], inputs.cos, inputs.sin)
        q = rotated[:, : self.heads] * self.scaling
        k, v = rotated[:, self.heads :], qkv[:, self.heads + self.groups :]
        if cache is None:  # copies also of a single row, or the keys kept would hold the queries beside them
            k, v = (t.clone(memory_format=torch.contiguous_format) for t in (k, v))
        else:
            k, v = cache.extend(k, v)
        attended, _ = attend(q, k, v, inputs.mask)
        mixed = self.out.input(len(x))
        mixed[:, : self.out.inputs].view(rows, length, self.heads, self.head).copy_(attended.transpose(1, 2))
        middle = x + self.out.forward(mixed, adapted)
        read2 = self.gate_up.input(len(x))
        inverse2 = self.norms[1].forward(middle, read2[:, : self.gate_up.inputs])
        gate, up = self.gate_up.forward(read2, adapted).chunk(2, dim=1)
        product = self.down.input(len(x))
        torch.mul(functional.silu(gate), up, out=product[:, : self.down.inputs])
        out = middle + self.down.forward(product, adapted)
        if kept is not None:
            lows = (self.qkv.low(read), self.gate_up.low(read2), self.down.low(product))
            kept += [x, inverse, q, k, v, mixed, middle, inverse2, gate, up, lows]
        return out

    def backward(
        self, grad: Tensor, kept: list, inputs: AttentionInputs, inputs_need_grad: bool
    ) -> tuple[Tensor | None, list[Tensor]]:
        """grad (R·L, H) fp32 of the output → that of x (if wanted), and those of `parameters`.

        What little work makes anew was not kept: what the norms gave, attention's probabilities and silu(gate)·up. The
        same operations on the same numbers give it to the bit, and it would be half of what a block keeps.
        """
        x, inverse, q, k, v, mixed, middle, inverse2, gate, up, (low_qkv, low_gate_up, low_down) = kept
        low = gate.dtype
        silu, product = functional.silu(gate), self.down.input_with(low_down)
        torch.mul(silu, up, out=product[:, : self.down.inputs])
        grad_product, down = self.down.backward(grad.to(low), product)
        both = torch.empty(len(x), 2 * gate.shape[1], dtype=low, device=x.device)
        grad_gate, grad_up = both.chunk(2, dim=1)
        torch.mul(grad_product, silu, out=grad_up)
        torch.ops.aten.silu_backward.grad_input(grad_product.mul_(up), gate, grad_input=grad_gate)
        read2 = self.gate_up.input_with(low_gate_up)
        self.norms[1].apply(middle, inverse2, read2[:, : self.gate_up.inputs])
        grad_read2, gate_up = self.gate_up.backward(both, read2)
        grad_middle = grad + self.norms[1].backward(grad_read2, middle, inverse2)
        grad_mixed, out = self.out.backward(grad_middle.to(low), mixed)
        rows, _, length, _ = inputs.cos.shape
        grad_attended = grad_mixed.view(rows, length, self.heads, self.head).transpose(1, 2)
        p = probabilities(q, k, inputs.mask)
        grad_q, grad_k, grad_v = attend_backward(grad_attended, q, k, v, p)
        grad_qkv = torch.empty(len(x), sum(self.qkv.sizes), dtype=low, device=x.device)
        laid = grad_qkv.view(rows, length, -1, self.head).transpose(1, 2)
        _rotary_backward(
            torch.cat([grad_q.mul_(self.scaling), grad_k], dim=1), inputs, laid[:, : self.heads + self.groups]
        )
        laid[:, self.heads + self.groups :].copy_(grad_v)
        read = self.qkv.input_with(low_qkv)
        self.norms[0].apply(x, inverse, read[:, : self.qkv.inputs])
        grad_read, qkv = self.qkv.backward(grad_qkv, read, inputs_need_grad)
        grads = qkv + out + gate_up + down
        if grad_read is None:
            return None, grads
        return grad_middle.add_(self.norms[0].backward(grad_read, x, inverse)), grads


class _RMSNorm:
    """RMSNorm: x / √(mean x² + ε) · w."""

    def __init__(self, module: Any):
        self.weight, self.eps = module.weight, module.variance_epsilon

    def forward(self, x: Tensor, out: Tensor) -> Tensor:
        """x (N, H) fp32 → normed into `out`, any type; returns 1/√(…) (N, 1)."""
        inverse = x.square().mean(-1, keepdim=True).add_(self.eps).rsqrt_()
        self.apply(x, inverse, out)
        return inverse

    def apply(self, x: Tensor, inverse: Tensor, out: Tensor) -> None:
        """x (N, H) fp32 and what `forward` gave → normed into `out` once more."""
        out.copy_((x * inverse).mul_(self.weight))

    def backward(self, grad: Tensor, x: Tensor, inverse: Tensor) -> Tensor:
        """grad (N, H) of the normed → of x, fp32."""
        scaled = grad.float() * self.weight
        normed = x * inverse
        shared = (scaled * normed).mean(-1, keepdim=True)
        return scaled.sub_(normed.mul_(shared)).mul_(inverse)


def _apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions: x (R, heads, L, D) of any strides → x·cos + rotate_half(x)·sin, contiguous."""
    out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    half = x.shape[-1] // 2
    torch.mul(x, cos, out=out)
    out[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
    out[..., half:].addcmul_(x[..., :half], sin[..., half:])
    return out


def _rotary_backward(grad: Tensor, inputs: AttentionInputs, out: Tensor) -> None:
    """The transpose of `_apply_rotary`, written to `out`."""
    half = grad.shape[-1] // 2
    torch.mul(grad, inputs.cos, out=out)
    out[..., :half].addcmul_(grad[..., half:], inputs.sin[..., half:])
    out[..., half:].addcmul_(grad[..., :half], inputs.sin[..., :half], value=-1)


class _BlockFunction(torch.autograd.Function):
    """A block as one step of autograd; `inputs_need_grad`: whether anything before it learns; `recompute`: keeps its
    input alone and computes the rest anew on the way back."""

    @staticmethod
    def forward(ctx, x, block, inputs, adapted, inputs_need_grad, recompute, *_parameters):
        ctx.kept = None if recompute else []
        ctx.x = x if recompute else None
        ctx.block, ctx.inputs, ctx.adapted, ctx.inputs_need_grad = block, inputs, adapted, inputs_need_grad
        return block.forward(x, inputs, adapted, None, ctx.kept)

    @staticmethod
    def backward(ctx, upstream):
        if ctx.kept is None:
            ctx.kept = []
            ctx.block.forward(ctx.x, ctx.inputs, ctx.adapted, None, ctx.kept)
        grad, grads = ctx.block.backward(upstream, ctx.kept, ctx.inputs, ctx.inputs_need_grad)
        ctx.kept = ctx.x = None
        return grad, None, None, None, None, None, *grads


class LayerCache:
    """Keys and values of one block as they grow, (rows, groups, room, D)."""

    def __init__(self, room: int):
        self.room, self.filled = room, 0
        self.keys: Tensor
        self.values: Tensor

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Appends (rows, groups, n, D); gives all so far."""
        rows, groups, n, width = k.shape
        if not self.filled:
            self.keys = k.new_empty(rows, groups, self.room, width)
            self.values = k.new_empty(rows, groups, self.room, width)
        end = self.filled + n
        self.keys[:, :, self.filled : end] = k
        self.values[:, :, self.filled : end] = v
        self.filled = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def take(self, index: Tensor) -> None:
        """Keeps the rows of `index`, in its order. What is not filled yet is neither read nor written: memory that
        was never touched costs nothing."""
        self.keys, self.values = self._rows(self.keys, index), self._rows(self.values, index)

    def _rows(self, old: Tensor, index: Tensor) -> Tensor:
        new = old.new_empty(len(index), *old.shape[1:])
        torch.index_select(old[:, :, : self.filled], 0, index, out=new[:, :, : self.filled])
        return new


class DecoderBlocks:
    """A whole Llama-shaped model below its head, over the modules and parameters of `peft`."""

    def __init__(self, peft: PeftModel, lm: PreTrainedModel, dtype: torch.dtype):
        self.peft, self.dtype, self.recompute = peft, dtype, False
        body: Any = lm.base_model
        self.body = body
        self.blocks = [DecoderBlock(layer, dtype) for layer in self.body.layers]
        self.norm: Any = self.body.norm

    def merged(self) -> "DecoderBlocks":
        """The same with the adapter's present values in the weights, for generation."""
        self.refresh()
        other = copy.copy(self)
        with torch.no_grad():
            other.blocks = [block.merged() for block in self.blocks]
        return other

    @staticmethod
    def supports(lm: PreTrainedModel) -> bool:
        """Whether the model is of these shapes: full rotary attention and a gated SiLU in every layer."""
        layers: Any = getattr(lm.base_model, "layers", None)
        config = lm.config
        sliding = getattr(config, "sliding_window", None) is not None
        return (
            bool(layers)
            and all(type(x) in SHAPES for x in layers)
            and config.hidden_act == "silu"
            and not sliding
            and type(layers[0].mlp.down_proj) is nn.Linear  # and not one in 4 bits
        )

    def attention_inputs(self, positions: Tensor, mask: Tensor) -> AttentionInputs:
        """positions (R, L), additive mask (R, 1, L, S) → what attention in every block needs of them."""
        cos, sin = self.body.rotary_emb(self.body.embed_tokens.weight[:1].float(), positions)
        return AttentionInputs(
            cos.unsqueeze(1).to(self.dtype), sin.unsqueeze(1).to(self.dtype), mask.to(self.dtype)
        )

    def refresh(self) -> None:
        """Takes the adapter's present values over; whoever changes the adapter need not know of this class."""
        with torch.no_grad():
            for block in self.blocks:
                for projection in block.projections:
                    projection.refresh()

    def __call__(
        self,
        ids: Tensor,
        inputs: AttentionInputs,
        adapted: bool,
        keep_layers: tuple[int, ...] = (),
        cache: list[LayerCache] | None = None,
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """ids (R, L) → last hidden states (R, L, H), normed, and the states of `keep_layers` as transformers counts
        them: 0 the embedding, the last one normed. Gradients reach the adapter where they are enabled."""
        x = self.body.embed_tokens(ids).float().flatten(0, 1)
        needs_grad = torch.is_grad_enabled() and adapted
        seen = {0: x}
        for i, block in enumerate(self.blocks):
            if needs_grad:
                x = _BlockFunction.apply(
                    x, block, inputs, adapted, i > 0, self.recompute, *block.parameters()
                )
            else:
                x = block.forward(x, inputs, adapted, None if cache is None else cache[i], None)
            seen[i + 1] = x if i + 1 in keep_layers else None
        x = self.norm(x)
        seen[len(self.blocks)] = x
        shape = (*ids.shape, -1)
        return x.view(shape), {i: seen[i].view(shape) for i in keep_layers}
