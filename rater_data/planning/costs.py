"""What the trainer measured of its machine: the basis of every estimate, kept under `ROUND_COSTS`."""

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundCosts:
    """A mini-batch of a model, worked on a machine by a release of the program.

    `machine`: in words; `measured_at`: epoch seconds. `write_step_s`: seconds of a step of writing, however few
    responses are written at once, and `write_token_s` more for each of its tokens; `read_token_s`: a token read by the
    policy and by the reference; `train_token_s`: a token on the way there and back. A prompt, of `prompt_tokens` in the
    mean, counts once for all its responses. Bytes: `rest` before, `write_peak` while `held_tokens` were held, and
    `cache_token` for each more; `train_peak` in micro-batches of `microbatch` tokens of a rollout with
    `sampled_tokens`, `microbatch_token` and `state_token` for each more of these; a micro-batch has at most
    `microbatch_limit`, and `rows_limit` responses are written at once; `free`: what a round may fill in all.
    """

    model: str
    device: str
    precision: str
    release: str
    machine: str
    measured_at: float
    write_step_s: float
    write_token_s: float
    read_token_s: float
    train_token_s: float
    held_tokens: int
    sampled_tokens: int
    prompt_tokens: float
    microbatch: int
    microbatch_limit: int
    rows_limit: int
    rest: int
    write_peak: int
    train_peak: int
    cache_token: float
    microbatch_token: float
    state_token: float
    free: int

    @property
    def what(self) -> tuple[str, ...]:
        """Of what they are: costs of anything else say nothing."""
        return (self.model, self.device, self.precision, self.release, self.machine)

    def to_json(self) -> dict[str, Any]:
        """As the store keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any] | None) -> "RoundCosts | None":
        """What `to_json` gave; None where nothing was measured, or by a release that measured otherwise."""
        names = {field.name for field in fields(cls)}
        return cls(**kept) if kept is not None and kept.keys() == names else None
