"""What moves between the devices of a spread model: the inputs of a part whose weights are elsewhere, and the result.

Hooks of torch do it, before a part is called: it finds everything where its weights are, and nothing else has to know
of devices. A tensor that many layers are given (a mask, angles) is moved once for each device and not for each layer,
which accelerate's hooks do.
"""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from ppo.model.devices.layer_map import parts_of

REMEMBERED = 8  # tensors for each device: mask, positions, cosines and sines of two kinds of layers


def devices_of(lm: nn.Module) -> list[torch.device]:
    """The devices that a model's parameters are on, in the model's order."""
    return list(dict.fromkeys(p.device for p in lm.parameters()))


def spread(lm: nn.Module, where: Mapping[str, torch.device]) -> None:
    """Puts the parts of a model in memory on the devices of a `layer_map`."""
    for path, part in list(parts_of(lm)):
        if isinstance(part, nn.Module):
            part.to(where[path])
        else:
            part.data = part.data.to(where[path])


def move_inputs(lm: nn.Module) -> None:
    """From here on each part of a spread model is given its inputs where its weights are, and what the whole model
    gives comes back to where the first part is."""
    movers = {device: _Mover(device) for device in devices_of(lm)}
    for _, part in parts_of(lm):
        held = [] if isinstance(part, Tensor) else [*part.parameters(), *part.buffers()]
        if held and isinstance(part, nn.Module):
            part.register_forward_pre_hook(movers[held[0].device].move_arguments, with_kwargs=True)
    first = devices_of(lm)[0]

    def bring_back(_module: Any, _arguments: Any, output: Any) -> Any:
        return tree_map_only(Tensor, lambda tensor: tensor.to(first), output)

    lm.register_forward_hook(bring_back)


class _Mover:
    """Moves tensors to one device, and knows what it has moved as long as that lives and is not written to."""

    def __init__(self, device: torch.device):
        self.device = device
        self._known: list[tuple[weakref.ref[Tensor], int, Tensor]] = []

    def move_arguments(
        self, _module: Any, arguments: Sequence[Any], named: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """A pre-hook of a module: its arguments, on this device. A cache stays: its tensors are beside the layers.

        Those without a name are the states, other ones for every part; the named ones are given to many.
        """
        self._known = [known for known in self._known if known[0]() is not None]
        return (
            tree_map_only(Tensor, lambda tensor: tensor.to(self.device), tuple(arguments)),
            {name: tree_map_only(Tensor, self.move, value) for name, value in named.items()},
        )

    def move(self, tensor: Tensor) -> Tensor:
        """The tensor on this device, itself where it is there already."""
        if tensor.device == self.device:
            return tensor
        if tensor.requires_grad:
            return tensor.to(self.device)
        for source, version, moved in self._known:
            if source() is tensor and version == tensor._version:
                return moved
        moved = tensor.to(self.device)
        others = [known for known in self._known if known[0]() is not tensor]
        self._known = [*others, (weakref.ref(tensor), tensor._version, moved)][-REMEMBERED:]
        return moved
