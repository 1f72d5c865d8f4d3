"""Several processes that work on one round: rank 0 says what is to be done, all do a share, and the sums go back to it.

Started by `accelerate launch` (or torchrun), which sets the variables that torch.distributed reads. Rank 0 is the
worker and alone talks to the store. The others hold the same model and nothing else: what an operation needs, the
adapter's present values included, is sent to them with it, as JSON and tensors. Every operation is computed first, then
the processes tell each other whether it went well, and only then are results summed: one that fails never leaves the
others waiting.
"""

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from rater_data.errors import RateloopError

LOAD = "load"  # the first operation: model, precision, LoRA settings, seed
LONGEST_WAIT = timedelta(days=365)  # between two rounds the others wait for as long as people rate
TOLD_BYTES = 512
FINE, OUT_OF_MEMORY, FAILED = range(3)


class ProcessGone(RateloopError):
    """Another process of this trainer ended: what is left cannot go on without it."""


class OtherFailed(RateloopError):
    """Another process of this trainer could not do its share."""


@dataclass(frozen=True)
class Processes:
    """This process among those of the trainer: `rank` of `size`. Alone, every call is the work itself."""

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls) -> "Processes":
        """The processes that the launcher started together with this one; alone where there was none."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not dist.is_initialized():
            kinds = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            dist.init_process_group(kinds, timeout=LONGEST_WAIT)
        return cls(dist.get_rank(), size)

    @staticmethod
    def own_device(device: str) -> str:
        """`device` for this process: each of those on one machine takes a GPU of its own."""
        local = os.environ.get("LOCAL_RANK")
        if local is None or not torch.cuda.is_available() or device not in ("auto", "cuda"):
            return device
        return f"cuda:{local}"

    def part(self, count: int) -> range:
        """Which of `count` things in a row are this process's."""
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def lightest(self, costs: Sequence[int]) -> list[int]:
        """Which of several things are this process's, so that all have about the same work: the heaviest first."""
        loads, mine = [0] * self.size, []
        for i in sorted(range(len(costs)), key=lambda i: (-costs[i], i)):
            rank = loads.index(min(loads))
            loads[rank] += costs[i]
            if rank == self.rank:
                mine.append(i)
        return sorted(mine)

    def call(
        self, operation: str, message: Callable[[], dict[str, Any]], compute: Callable[[], list[Tensor]]
    ) -> list[Tensor]:
        """On rank 0: lets all processes do `operation`, this one by `compute`, and gives the sums of their results.

        `message` is what the others need for it: values of JSON and tensors. Raises what `compute` raises,
        torch.OutOfMemoryError when another's memory ran out, OtherFailed or ProcessGone.
        """
        if self.size == 1:
            return compute()
        self._send({"operation": operation, **message()})
        return self._work_together(compute)

    def follow(self, operations: dict[str, Callable[[dict[str, Any]], list[Tensor]]]) -> None:
        """On the other ranks: does its share of whatever rank 0 asks for, until rank 0 ends."""
        while True:
            message = self._receive()
            if message["operation"] == "end":
                return
            work = operations[message.pop("operation")]
            try:
                self._work_together(lambda work=work, message=message: work(message))  # type: ignore[misc]
            except ProcessGone:
                return
            except Exception:  # it was told to rank 0, which decides what comes next
                continue

    def end(self) -> None:
        """Ends the working together, which every process does before it exits; the first sends the others home."""
        if self.size == 1:
            return
        try:
            if self.rank == 0:
                self._send({"operation": "end"})
        finally:
            with contextlib.suppress(RuntimeError):
                dist.destroy_process_group()  # its threads would still run while the process is taken down

    def _work_together(self, compute: Callable[[], list[Tensor]]) -> list[Tensor]:
        error: BaseException | None = None
        found: list[Tensor] = []
        try:
            found = compute()
        except BaseException as caught:  # a stop by the operator too: the others must not wait
            error = caught
        self._settle(error)
        _guarded(_sum_on_first, found)
        return found

    def _settle(self, error: BaseException | None) -> None:
        """Every process hears how it went for all. Raises this one's own error, or one that tells another's."""
        code = FINE if error is None else OUT_OF_MEMORY if is_out_of_memory(error) else FAILED
        told = str(error or "").encode()[:TOLD_BYTES].ljust(TOLD_BYTES, b" ")
        mine = torch.tensor([code, *told], dtype=torch.uint8)
        every = [torch.empty_like(mine) for _ in range(self.size)]
        _guarded(dist.all_gather, every, mine)
        if error is not None:
            raise error
        codes = [int(one[0]) for one in every]
        if OUT_OF_MEMORY in codes:
            raise torch.OutOfMemoryError(f"memory ran out in process {codes.index(OUT_OF_MEMORY)}")
        if FAILED in codes:
            rank = codes.index(FAILED)
            text = bytes(every[rank][1:].tolist()).decode(errors="replace").strip()
            raise OtherFailed(f"Process {rank} of the trainer's {self.size} could not go on: {text}")

    def _send(self, message: dict[str, Any]) -> None:
        tensors = {name: value for name, value in message.items() if isinstance(value, Tensor)}
        header: dict[str, Any] = {
            "values": {name: value for name, value in message.items() if name not in tensors},
            "tensors": [
                [name, list(t.shape), str(t.dtype).removeprefix("torch.")] for name, t in tensors.items()
            ],
        }
        text = torch.frombuffer(bytearray(json.dumps(header).encode()), dtype=torch.uint8)
        _guarded(dist.broadcast, torch.tensor([len(text)]), 0)
        _guarded(dist.broadcast, text, 0)
        for tensor in tensors.values():
            _guarded(dist.broadcast, _sendable(tensor), 0)

    def _receive(self) -> dict[str, Any]:
        length = torch.tensor([0])
        _guarded(dist.broadcast, length, 0)
        text = torch.empty(int(length), dtype=torch.uint8)
        _guarded(dist.broadcast, text, 0)
        header = json.loads(bytes(text.tolist()))
        message: dict[str, Any] = header["values"]
        for name, shape, kind in header["tensors"]:
            found = torch.empty(shape, dtype=torch.uint8 if kind == "bool" else getattr(torch, kind))
            _guarded(dist.broadcast, found, 0)
            message[name] = found.bool() if kind == "bool" else found
        return message


ALONE = Processes()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on a GPU or on the CPU (which torch tells with a plain RuntimeError)."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


def _sendable(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.to(torch.uint8) if tensor.dtype == torch.bool else tensor  # gloo knows no bool


def _guarded(communicate: Callable[..., Any], *arguments: Any) -> None:
    try:
        communicate(*arguments)
    except RuntimeError as error:  # torch's DistBackendError is one; gloo raises plain ones
        raise ProcessGone(
            "One of the trainer's processes is gone. Start the trainer again: the round goes on from its last step."
        ) from error


def _sum_on_first(tensors: list[Tensor]) -> None:
    """Adds up on rank 0 what each process found, in place; those of one type in one go."""
    for dtype in dict.fromkeys(t.dtype for t in tensors):
        same = [t for t in tensors if t.dtype == dtype]
        flat = torch.cat([t.flatten() for t in same])
        dist.reduce(flat, 0)
        for tensor, part in zip(same, flat.split([t.numel() for t in same]), strict=True):
            tensor.copy_(part.view(tensor.shape))
