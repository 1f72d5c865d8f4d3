"""Which part of a model goes on which device: whole layers in their order, by each device's share of the memory.

As transformers' `device_map="balanced"`, but never to the main memory or the disk: a round reads the base thousands of
times. What is not split is a layer; the embedding, the last norm and the head are parts of their own.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rater_data.errors import BadInput

GIB = 2**30


def parts_of(lm: nn.Module) -> Iterator[tuple[str, nn.Module | Tensor]]:
    """The parts that stay whole, by name and in the model's own order: layers, modules without others in them, and
    tensors that stand in between."""
    layers: set[nn.Module] = set()
    for found in lm.modules():
        if isinstance(found, nn.ModuleList) and len(found) > len(layers):
            layers = set(found)
    whole = set(getattr(lm, "_no_split_modules", None) or ())

    def walk(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module | Tensor]]:
        loose: list[Any] = [
            *module.named_parameters(prefix, recurse=False),
            *module.named_buffers(prefix, recurse=False),
        ]
        yield from loose
        for name, child in module.named_children():
            path = f"{prefix}.{name}" if prefix else name
            if child in layers or type(child).__name__ in whole or not any(True for _ in child.children()):
                yield path, child
            else:
                yield from walk(child, path)

    yield from walk(lm, "")


def layer_map(
    lm: nn.Module,
    devices: Sequence[torch.device],
    room: Sequence[float],
    bytes_of: Callable[[str, Tensor], float],
) -> dict[str, torch.device]:
    """Part → device. `room`: bytes that are free on each device; `bytes_of`: what a parameter of that name takes.

    What shares its weights with an earlier part goes where that is. Raises BadInput where a device cannot take its
    share.
    """
    owners: dict[int, str] = {}  # of each parameter, the first part that has it
    sizes: dict[str, float] = {}
    shares: dict[str, str] = {}
    for path, part in parts_of(lm):
        inside = [("", part)] if isinstance(part, Tensor) else [*part.named_parameters()]
        new = [(name, p) for name, p in inside if id(p) not in owners]
        sizes[path] = sum(bytes_of(f"{path}.{name}" if name else path, p) for name, p in new)
        if inside and not new:
            shares[path] = owners[id(inside[0][1])]
        owners |= {id(p): path for _, p in new}
    total, taken = sum(sizes.values()), [0.0] * len(devices)
    ends = [total * sum(room[: i + 1]) / sum(room) for i in range(len(devices))]
    place: dict[str, int] = {}
    before = 0.0
    for path, size in sizes.items():
        middle = before + size / 2
        place[path] = next((i for i, end in enumerate(ends) if middle <= end), len(devices) - 1)
        taken[place[path]] += size
        before += size
    for device, needed, free in zip(devices, taken, room, strict=True):
        if needed > free:
            raise BadInput(
                f"Its share of the layers, {needed / GIB:.1f} GiB, does not fit on {device}, where {free / GIB:.1f} "
                "GiB are free. Name more devices, or take --quantize 4bit or a smaller model."
            )
    return {path: devices[place[shares.get(path, path)]] for path in sizes}
