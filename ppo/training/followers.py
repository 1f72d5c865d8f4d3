"""The trainer's processes beside the first: each holds the model, and does its share of what the first asks for."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from ppo.algorithm.gradients import BEGIN, GRADIENTS, UpdateInput, gradients_of_share
from ppo.algorithm.reading import READ, read_for_first
from ppo.config import LoraSettings
from ppo.model.loading.base_models import load_base
from ppo.model.policy import Policy
from ppo.model.sampling import WRITE, write_for_first
from ppo.model.self_check import checked_policy
from ppo.processes import LOAD, Processes, ProcessGone

Message = dict[str, Any]
WATCH_S = 1.0


@contextmanager
def joined_processes(home: Path, device: str) -> Iterator[tuple[Processes, str] | None]:
    """The processes started together with this one, and this one's device; on the first of them, which sends the
    others home at the end. The others follow it, and then get None."""
    processes = Processes.join()
    device = processes.own_device(device)
    if processes.size > 1:
        threading.Thread(target=_end_with_the_launcher, daemon=True, name="end with the launcher").start()
    if processes.rank:
        Follower(processes, home, device).run()
        processes.end()
        yield None
        return
    try:
        yield processes, device
    finally:
        with suppress(ProcessGone):
            processes.end()


def _end_with_the_launcher() -> None:
    """The launcher ends its processes with it, unless it is killed: then each sees to it itself."""
    launcher = os.getppid()
    while os.getppid() == launcher:
        time.sleep(WATCH_S)
    os._exit(1)


class Follower:
    """One of them. It knows nothing but its model and what it was sent."""

    def __init__(self, processes: Processes, home: Path, device: str):
        self.processes, self.home, self.device = processes, home, device
        self._policy: Policy | None = None
        self._update: UpdateInput | None = None

    def run(self) -> None:
        """Until the first process ends."""
        work = {READ: self.read, WRITE: self.write, BEGIN: self.begin_update, GRADIENTS: self.gradients}
        self.processes.follow({LOAD: self.load, **work})

    def load(self, message: Message) -> list[Tensor]:
        """Makes the policy that the first process makes."""
        precision, seed = message["precision"], message["seed"]
        base = load_base(message["model"], self.home, self.device, precision, message["quantize"])
        self._policy, _ = checked_policy(base, LoraSettings(**message["lora"]), precision, seed)
        self._policy.processes = self.processes
        return []

    def read(self, message: Message) -> list[Tensor]:
        """Its micro-batches of a rollout."""
        return read_for_first(self._policy_now(message), message)

    def write(self, message: Message) -> list[Tensor]:
        """Responses to its prompts."""
        return write_for_first(self._policy_now(message), message)

    def begin_update(self, message: Message) -> list[Tensor]:
        """Keeps what the update is computed from."""
        self._update = UpdateInput.from_message(message, self._policy_now(message))
        return []

    def gradients(self, message: Message) -> list[Tensor]:
        """Its micro-batches' part of one gradient."""
        assert self._update is not None
        return gradients_of_share(self._policy_now(message), self._update, message["number"])

    def _policy_now(self, message: Message) -> Policy:
        assert self._policy is not None, "the first process loads before it asks for anything"
        self._policy.become(message)
        return self._policy
