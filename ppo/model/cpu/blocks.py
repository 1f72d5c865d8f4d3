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
from typing import Any, overload

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.models.llama.modeling_llama import LlamaDecoderLayer
from transformers.models.mistral.modeling_mistral import MistralDecoderLayer
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer

from ppo.config import ADAPTER
from ppo.model.cpu.attention import attend, attend_backward
from ppo.model.cpu.onednn_linear import OneDNNLinear

SHAPES = (LlamaDecoderLayer, MistralDecoderLayer, Qwen2DecoderLayer)


class FusedLoraLinear:
    """Linear layers that read the same input, and their adapters, as one product.

    `weight` (O, I + n·r) holds the n frozen weights one below the other and, right of them, scale·B of each in
    columns of its own: [x | x·Aᵀ] · weightᵀ = x·Wᵀ + scale·x·Aᵀ·Bᵀ, and backwards one product gives the gradients of
    x and of x·Aᵀ. The members' own weights become views of it: nothing is kept twice.
    """

    def __init__(self, members: list[Any], dtype: torch.dtype):
        bases = [m.get_base_layer() for m in members]
        self.a = [m.lora_A[ADAPTER].weight for m in members]
        self.b = [m.lora_B[ADAPTER].weight for m in members]
        self.scales = [m.scaling[ADAPTER] for m in members]
        self.inputs, self.rank = bases[0].weight.shape[1], self.a[0].shape[0]
        self.sizes = [base.weight.shape[0] for base in bases]
        low = self.rank * len(members)
        device = bases[0].weight.device
        self.weight = torch.zeros(sum(self.sizes), self.inputs + low, dtype=dtype, device=device)
        self.down = torch.zeros(low, self.inputs, dtype=dtype, device=device)
        self.bias: Tensor | None = None
        if any(base.bias is not None for base in bases):
            parts = [
                torch.zeros(n, device=device) if base.bias is None else base.bias
                for base, n in zip(bases, self.sizes, strict=True)
            ]
            self.bias = torch.cat(parts).to(dtype)
        self.ups, self.downs = [], []
        row = 0
        for i, (base, size) in enumerate(zip(bases, self.sizes, strict=True)):
            own = self.weight[row : row + size]
            own[:, : self.inputs].copy_(base.weight)
            base.weight.data = own[:, : self.inputs]
            columns = slice(i * self.rank, (i + 1) * self.rank)
            self.ups.append(own[:, self.inputs :][:, columns])
            self.downs.append(self.down[columns])
            row += size

    def refresh(self) -> None:
        """Takes the adapter's present values over."""
        for target, source in zip(self.downs, self.a, strict=True):
            target.copy_(source)
        for target, source, scale in zip(self.ups, self.b, self.scales, strict=True):
            target.copy_(source * scale)

    def input(self, rows: int) -> Tensor:
        """An empty [x | x·Aᵀ] (rows, I + n·r): fill the first I columns, then call `forward`."""
        return self.weight.new_empty(rows, self.weight.shape[1])

    def forward(self, wide: Tensor, adapted: bool) -> Tensor:
        """wide = [x | …] → (rows, O); the rest of `wide` is filled in. Not adapted: as with B = 0, to the bit."""
        low = wide[:, self.inputs :]
        if adapted:
            low.copy_(wide[:, : self.inputs] @ self.down.T)
        else:
            low.zero_()
        return functional.linear(wide, self.weight, self.bias)

    @overload
    def backward(self, upstream: Tensor, wide: Tensor) -> tuple[Tensor, list[Tensor]]: ...

    @overload
    def backward(
        self, upstream: Tensor, wide: Tensor, inputs_need_grad: bool
    ) -> tuple[Tensor | None, list[Tensor]]: ...

    def backward(
        self, upstream: Tensor, wide: Tensor, inputs_need_grad: bool = True
    ) -> tuple[Tensor | None, list[Tensor]]:
        """upstream (rows, O) → the gradient of x (rows, I), and those of A and B of each member, A first."""
        x, low = wide[:, : self.inputs], wide[:, self.inputs :]
        if inputs_need_grad:
            both = upstream @ self.weight
            grad_low = both[:, self.inputs :]
            grad_x = torch.addmm(both[:, : self.inputs], grad_low, self.down)
        else:
            grad_low, grad_x = upstream @ self.weight[:, self.inputs :], None
        grad_a = (grad_low.T @ x).float()
        grads, row = [], 0
        for i, (size, scale) in enumerate(zip(self.sizes, self.scales, strict=True)):
            columns = slice(i * self.rank, (i + 1) * self.rank)
            grad_b = (upstream[:, row : row + size].T @ low[:, columns]).float().mul_(scale)
            grads += [grad_a[columns], grad_b]
            row += size
        return grad_x, grads

    def parameters(self) -> list[nn.Parameter]:
        """A and B of each member, in the order of `backward`'s gradients."""
        return [p for pair in zip(self.a, self.b, strict=True) for p in pair]


class MergedLinear:
    """A `FusedLoraLinear` with the adapter in its weights, for generation: one product for both, without
    gradients."""

    def __init__(self, projection: FusedLoraLinear):
        frozen, up = projection.weight[:, : projection.inputs], projection.weight[:, projection.inputs :]
        self.inputs, self.like = projection.inputs, projection.down
        self.packed = OneDNNLinear(torch.addmm(frozen, up, projection.down), projection.bias)

    def input(self, rows: int) -> Tensor:
        """An empty x (rows, I) to be filled."""
        return self.like.new_empty(rows, self.inputs)

    def forward(self, x: Tensor, adapted: bool) -> Tensor:
        """x (rows, I) → (rows, O)."""
        return self.packed(x)


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
        k, v = (k.contiguous(), v.contiguous()) if cache is None else cache.extend(k, v)
        attended, p = attend(q, k, v, inputs.mask)
        mixed = self.out.input(len(x))
        mixed[:, : self.out.inputs].view(rows, length, self.heads, self.head).copy_(attended.transpose(1, 2))
        middle = x + self.out.forward(mixed, adapted)
        read2 = self.gate_up.input(len(x))
        inverse2 = self.norms[1].forward(middle, read2[:, : self.gate_up.inputs])
        gate, up = self.gate_up.forward(read2, adapted).chunk(2, dim=1)
        product = self.down.input(len(x))
        torch.mul(functional.silu(gate), up, out=product[:, : self.down.inputs])
        if kept is not None:
            kept += [x, read, inverse, q, k, v, p, mixed, middle, read2, inverse2, gate, up, product]
        return middle + self.down.forward(product, adapted)

    def backward(
        self, grad: Tensor, kept: list, inputs: AttentionInputs, inputs_need_grad: bool
    ) -> tuple[Tensor | None, list[Tensor]]:
        """grad (R·L, H) fp32 of the output → that of x (if wanted), and those of `parameters`."""
        x, read, inverse, q, k, v, p, mixed, middle, read2, inverse2, gate, up, product = kept
        low = product.dtype
        grad_product, down = self.down.backward(grad.to(low), product)
        silu = functional.silu(gate)
        both = torch.empty(len(x), 2 * gate.shape[1], dtype=low, device=x.device)
        grad_gate, grad_up = both.chunk(2, dim=1)
        torch.mul(grad_product, silu, out=grad_up)
        torch.ops.aten.silu_backward.grad_input(grad_product.mul_(up), gate, grad_input=grad_gate)
        grad_read2, gate_up = self.gate_up.backward(both, read2)
        grad_middle = grad + self.norms[1].backward(grad_read2, middle, inverse2)
        grad_mixed, out = self.out.backward(grad_middle.to(low), mixed)
        rows, _, length, _ = inputs.cos.shape
        grad_attended = grad_mixed.view(rows, length, self.heads, self.head).transpose(1, 2)
        grad_q, grad_k, grad_v = attend_backward(grad_attended, q, k, v, p)
        grad_qkv = torch.empty(len(x), sum(self.qkv.sizes), dtype=low, device=x.device)
        laid = grad_qkv.view(rows, length, -1, self.head).transpose(1, 2)
        _rotary_backward(
            torch.cat([grad_q.mul_(self.scaling), grad_k], dim=1), inputs, laid[:, : self.heads + self.groups]
        )
        laid[:, self.heads + self.groups :].copy_(grad_v)
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
        out.copy_((x * inverse).mul_(self.weight))
        return inverse

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
        """Keeps the rows of `index`, in its order."""
        self.keys, self.values = self.keys[index], self.values[index]


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
