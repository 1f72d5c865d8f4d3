"""Several devices where there is one: each tensor's memory belongs to a pretended one, and no operation may mix them.

Numbers are real. As on GPUs, an operation on tensors of two devices fails, but for single numbers of the main memory,
indices of the main memory, and copies; what an operation makes lies where its inputs lie; `tensor.device` tells it, and
`.to`, `.cpu` and factories follow it. Names are `cpu:0`, `cpu:1` …; `cpu` is the main memory. It does not pretend
kernels, streams, or speed.
"""

import weakref
from collections import Counter
from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

MAIN = torch.device("cpu")
ADOPTED = torch.device(
    "meta"
)  # made by torch's own way back, which asks for the true device: where it is used first
COPIES = {"copy_", "_to_copy"}
INDEXING = {"index", "index_put_", "index_put", "_index_put_impl_"}
# torch groups their lists by device before it calls a kernel, and sees one device here
GROUPED = {"_fused_adam_", "_fused_adam"}


class Pretended:
    """Where each memory lies, and how many bytes were moved from where to where."""

    def __init__(self):
        self.where = {}
        self.moved = Counter()

    def of(self, tensor):
        """The device of a tensor's memory."""
        return self.where.get(tensor.untyped_storage()._cdata, (MAIN, None))[0]

    def put(self, tensor, device):
        """Says that this memory lies there, until it is freed: its address may be used again by what torch makes."""
        memory, where = tensor.untyped_storage(), self.where
        address = memory._cdata
        where[address] = (device, weakref.ref(memory, lambda _: where.pop(address, None)))


class _Move(torch.autograd.Function):
    """A copy on another device; its gradient goes back to where the tensor was."""

    @staticmethod
    def forward(ctx, tensor, device, pretended):
        ctx.source, ctx.device, ctx.pretended = pretended.of(tensor), device, pretended
        return _copied(tensor, device, pretended)

    @staticmethod
    def backward(ctx, upstream):
        return _copied(upstream, ctx.source, ctx.pretended), None, None


def _copied(tensor, device, pretended):
    pretended.moved[str(pretended.of(tensor)), str(device)] += tensor.nbytes
    with torch._C._DisableTorchDispatch():
        copy = tensor.detach().clone()
    pretended.put(copy, device)
    return copy


class _Functions(TorchFunctionMode):
    """What asks a tensor for its device, or for another one."""

    def __init__(self, pretended):
        self.pretended = pretended

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if func == torch.Tensor.device.__get__:
            return self.pretended.of(args[0])
        if func is torch.Tensor.cpu:
            return self.moved(args[0], MAIN)
        if func is torch.Tensor.to:
            return self.to(args, kwargs)
        if name == "tensor" and func is torch.tensor:
            device = torch.device(kwargs.pop("device", None) or MAIN)
            made = func(*args, **kwargs)
            self.pretended.put(made, device)
            return made
        return func(*args, **kwargs)

    def to(self, args, kwargs):
        tensor, rest = args[0], list(args[1:])
        device = kwargs.pop("device", None)
        if rest and isinstance(rest[0], torch.Tensor):
            other = rest.pop(0)
            rest, device = [other.dtype, *rest], self.pretended.of(other)
        elif rest and isinstance(rest[0], str | torch.device):
            device = rest.pop(0)
        elif rest and rest[0] is None:
            rest.pop(0)
        if device is not None:
            tensor = self.moved(tensor, torch.device(device))
        dtype = kwargs.get("dtype", rest[0] if rest else None)
        return tensor if dtype is None else torch.Tensor.to(tensor, dtype=dtype)

    def moved(self, tensor, device):
        if self.pretended.of(tensor) == device:
            return tensor
        return _Move.apply(tensor, device, self.pretended)


class _Operations(TorchDispatchMode):
    """Every operation: its inputs lie on one device, and what it makes lies there as well."""

    def __init__(self, pretended):
        super().__init__()
        self.pretended = pretended

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = func._schema.name.removeprefix("aten::")
        tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
        given = {self.pretended.of(x) for x in tensors if x.ndim or self.pretended.of(x) != MAIN} - {ADOPTED}
        if name in INDEXING:
            given -= {MAIN} if self.pretended.of(args[0]) != MAIN else set()
        if len(given) > 1 and name not in COPIES | GROUPED and not name.startswith("_foreach"):
            raise RuntimeError(
                f"{name}: all tensors must lie on one device, not on {sorted(map(str, given))}"
            )
        asked = kwargs.get("device")
        if asked is not None:
            kwargs["device"] = MAIN
        device = next(iter(given), MAIN) if asked is None else torch.device(asked)
        if torch._C._current_autograd_node() is not None and device == MAIN:
            device = next(iter(given), ADOPTED)
        known = {x.untyped_storage()._cdata for x in tensors}
        out = func(*args, **kwargs)
        for tensor in tensors:
            if self.pretended.of(tensor) == ADOPTED and given:
                self.pretended.put(tensor, next(iter(given)))
        firsts = args[0] if args and isinstance(args[0], list | tuple) else []
        made = [x for x in tree_flatten(out)[0] if isinstance(x, torch.Tensor)]
        for i, tensor in enumerate(made):
            if tensor.untyped_storage()._cdata not in known:
                grouped = name.startswith("_foreach") and i < len(firsts)
                self.pretended.put(tensor, self.pretended.of(firsts[i]) if grouped else device)
        return out


@contextmanager
def pretend_devices():
    """Inside, the devices cpu:0, cpu:1 … are told apart. Gives what was moved between them."""
    pretended = Pretended()
    with _Functions(pretended), _Operations(pretended):
        yield pretended
