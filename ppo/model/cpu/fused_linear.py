"""Linear layers that read the same input as one product, the adapter's own two products in it."""

from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppo.config import ADAPTER
from ppo.model.cpu.onednn_linear import OneDNNLinear


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

    def low(self, wide: Tensor) -> Tensor:
        """x·Aᵀ of what `forward` filled in, a copy: with it and x, all of `wide` can be had again."""
        return wide[:, self.inputs :].clone()

    def input_with(self, low: Tensor) -> Tensor:
        """As `input`, with what `low` gave in its place: fill in x, and it is what `forward` left."""
        wide = self.input(len(low))
        wide[:, self.inputs :] = low
        return wide

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
