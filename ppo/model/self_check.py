"""At load: does the fast path read and write what the model's own forward says? Else the plain path, else refused.

The truth is `lm(input_ids)` of one row at a time, without padding, mask or cache, taken before anything of ours is put
into the model. Four short responses to two prompts are then read and written by the path in question, with the adapter
off and with an adapter of small random numbers, and every log-probability is compared. So a family that nobody has
heard of cannot be wrong in silence: it can only be slow, or refused with a sentence.

The path is chosen in fp32: there a log-probability may differ by `FP32_LIMIT`. In bf16 every reading is rounded.
What the model's own forward in bf16 is off from its fp32 truth is measured, `rounding`, and the chosen path may be off
that truth by twice as much and .01 nats more, on average over tokens. With an adapter there is no fp32 truth: both
sides are rounded, and the path may be 3 times `rounding` and .01 nats away from the model's own forward.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ppo.config import LoraSettings
from ppo.model.base_model import BaseModel
from ppo.model.cpu.allocator import return_freed_blocks
from ppo.model.decoders import Decoder, ModuleDecoder, additive_mask
from ppo.model.fp32_reading import Fp32Reading
from ppo.model.lm_head import logits_of_rows, logprobs_of_logits
from ppo.model.lora import fused_experts, idle_layers, linear_layers
from ppo.model.plain_path import PADDED, WRITERS, PlainDecoder, read_plainly
from ppo.model.policy import Policy, fast_path_obstacle, narrowest_window
from ppo.model.rollout import Rollout, rollout_of
from ppo.model.row_packing import pack_rows, rows_at
from rater_data.errors import BadInput

FP32_LIMIT = 1e-3  # nats a token, the largest difference
BF16_LIMIT = 0.01  # nats a token, mean difference, beside a multiple of the model's own rounding:
OFF, ADAPTED = (
    1.5,
    3.0,
)  # with the adapter off (held to the fp32 truth), and with one (held to another rounded reading)
ADAPTER_SIZE = 0.02  # standard deviation of the adapter that is tried
PROMPTS = ("The brown fox", "The brown fox jumps over the")
RESPONSES = (" runs away.", " is", " lazy dog and runs", " wall.")
LONGEST = 8  # tokens of a response
TEMPERATURE = 1.0
FAST, PLAIN_PATH = "fast", "plain"


@dataclass(frozen=True)
class SelfCheck:
    """What came out: the path taken, why not the fast one (empty when it is), how responses are written (plain path),
    and, in nats a token, the difference that came nearest to its limit, and that limit; largest differences of a token
    in fp32, means over tokens in bf16. `notes`: what the adapter leaves alone."""

    path: str
    because: str
    writer: str
    gap: float
    limit: float
    notes: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """The result in one sentence."""
        found = (
            f"it reads and writes as the model's own forward does (at most {self.gap:.1g} nats a token apart)"
        )
        if self.path == FAST:
            return f"Fast path: {found}."
        return f"Plain path, which is slower, because {self.because}; written {self.writer}: {found}."


def checked_policy(
    base: BaseModel, lora: LoraSettings, precision: str, seed: int
) -> tuple[Policy, SelfCheck]:
    """The policy on `base` by the quickest path that is right. Raises BadInput for a model that no path reads right."""
    texts = Texts.of(base)
    with _refusing(base.name, "its own forward fails"), Fp32Reading():
        with _called_layers(base.lm) as called:
            reference = texts.truth(base.lm)
        texts.check_causal(base.lm, base.name)
    idle, because, writer = idle_layers(base.lm, called), "", PADDED
    if precision != "fp32":
        with _refusing(base.name, "neither path reads it right"), Fp32Reading():
            because, writer = choose_in_fp32(base.lm, texts, reference)
    with _refusing(base.name, "no adapter can be put into it"):
        policy = Policy(base, lora, precision, seed, idle)
    with _refusing(base.name, f"its own forward fails in {precision}; try --precision fp32"):
        check = _Check(policy, texts, reference, _notes(base.lm, idle))
    because = because or policy.plain_because
    if not because:
        return_freed_blocks()
        try:
            return policy, check.run(FAST)
        except Exception as error:  # whatever stops the fast path is told, and the plain one is tried
            because = f"the fast path {_told(error)}"
    policy.use_plain_path(because)
    return_freed_blocks()
    with _refusing(base.name, "neither path reads it right"):
        policy.measure_shapes(texts.rollout(policy.device))
        return policy, check.run_plain(WRITERS[WRITERS.index(writer) :])


@torch.no_grad()
def choose_in_fp32(lm: Any, texts: "Texts", reference: Tensor) -> tuple[str, str]:
    """Why not the fast path (empty when it is right) and the quickest way to write plainly, of an fp32 model.

    For policies in bf16, whose rounding would hide a small fault of a path. Raises ValueError where no path is right.
    """
    because = fast_path_obstacle(lm)
    if not because:
        try:
            _hold("reads", _read_packed(lm, texts), reference, FP32_LIMIT)
            _hold("writes", texts.written(ModuleDecoder(lm)), reference, FP32_LIMIT)
            return "", PADDED
        except Exception as error:  # as in `checked_policy`
            because = f"the fast path {_told(error)}"
    rollout = texts.rollout(next(lm.parameters()).device)
    ids = rollout.response_ids[rollout.response_mask]
    read = logprobs_of_logits(read_plainly(lm, rollout).logits, ids, TEMPERATURE)[0]
    _hold("reads", read, reference, FP32_LIMIT)
    for writer in WRITERS:
        try:
            written = texts.written(PlainDecoder(lm, writer, nullcontext))
            _hold("writes", written, reference, FP32_LIMIT)
            break
        except Exception:  # as in `_Check.run_plain`; what the last way to write fails by is the reason
            if writer == WRITERS[-1]:
                raise
    return because, writer


def _read_packed(lm: Any, texts: "Texts") -> Tensor:
    """The responses' log-probabilities from one packed row, by the model's own layers in fp32."""
    rollout = texts.rollout(next(lm.parameters()).device)
    packed = pack_rows(rollout)
    window = narrowest_window(lm.config.get_text_config())
    if window is not None and packed.ids.shape[1] > window:
        packed = pack_rows(rollout, share=False)
    shared = packed.attention.ndim == 4
    out = lm.base_model(
        input_ids=packed.ids,
        attention_mask=additive_mask(packed.attention, torch.float32) if shared else packed.attention.long(),
        position_ids=packed.positions,
        use_cache=False,
    )
    rows = rows_at(out.last_hidden_state, packed.state_positions)
    logits = logits_of_rows(rows, lm.get_output_embeddings(), TEMPERATURE, lm.config.get_text_config())
    return logprobs_of_logits(logits, rollout.response_ids[rollout.response_mask], 1.0)[0]


def _hold(what: str, found: Tensor, truth: Tensor, limit: float) -> float:
    gap = float((found.float().to(truth.device) - truth).abs().max())
    if not gap <= limit:
        raise ValueError(f"{what} otherwise than the model's own forward, by {gap:.2g} nats a token")
    return gap


@dataclass(frozen=True)
class Texts:
    """Token ids of the prompts and of their two responses each."""

    prompts: list[list[int]]
    responses: list[list[int]]

    @classmethod
    def of(cls, base: BaseModel) -> "Texts":
        """The same words for every model, by its own tokenizer."""
        prompts = [base.chat.encode_text(text) for text in PROMPTS]
        responses = [base.chat.encode_piece(text)[:LONGEST] for text in RESPONSES]
        return cls(prompts, responses)

    def rows(self) -> list[tuple[list[int], list[int]]]:
        """Prompt and response of each row."""
        return [(self.prompts[i // 2], response) for i, response in enumerate(self.responses)]

    def rollout(self, device: torch.device) -> Rollout:
        """The same as a rollout."""
        prompts, responses = zip(*self.rows(), strict=True)
        return rollout_of(prompts, responses, [False] * len(responses), [0, 0, 1, 1], 0, device)

    @torch.no_grad()
    def truth(self, lm: torch.nn.Module) -> Tensor:
        """Log-probabilities of all response tokens in turn, by the model's own forward, a row at a time."""
        found = []
        for prompt, response in self.rows():
            ids = torch.tensor([prompt + response], device=next(lm.parameters()).device)
            logits = lm(input_ids=ids).logits[0, len(prompt) - 1 : -1].float()
            every = torch.log_softmax(logits / TEMPERATURE, -1)
            found.append(every.gather(1, ids[0, len(prompt) :].unsqueeze(1)).squeeze(1))
        truth = torch.cat(found)
        if not torch.isfinite(truth).all():
            raise ValueError("it gives log-probabilities that are not finite")
        return truth

    @torch.no_grad()
    def written(self, decoder: Decoder) -> Tensor:
        """The log-probabilities of the responses as a decoder gives them, token after token; rows leave when their
        response is over."""
        rows = self.rows()
        states = decoder.prefill(self.prompts, len(rows) // len(self.prompts), LONGEST)
        live, found = list(range(len(rows))), [[] for _ in rows]  # type: list[int], list[list[Tensor]]
        for step in range(max(len(response) for _, response in rows)):
            token = torch.tensor([rows[r][1][step] for r in live], device=decoder.device)
            every = torch.log_softmax(decoder.logits(states, TEMPERATURE), -1)
            for row, logprob in zip(live, every.gather(1, token.unsqueeze(1)), strict=True):
                found[row].append(logprob)
            keep = [i for i, row in enumerate(live) if step + 1 < len(rows[row][1])]
            if not keep:
                break
            if len(keep) < len(live):
                index = torch.tensor(keep, device=decoder.device)
                decoder.keep_rows(index)
                token, live = token[index], [live[i] for i in keep]
            states = decoder.step(token)
        return torch.cat([logprob for row in found for logprob in row])

    @torch.no_grad()
    def check_causal(self, lm: torch.nn.Module, name: str) -> None:
        """Raises BadInput for a model whose word about a token changes with what comes after it."""
        prompt, response = self.rows()[0]
        ids = torch.tensor([prompt + response], device=next(lm.parameters()).device)
        whole = torch.log_softmax(lm(input_ids=ids).logits[0, len(prompt) - 1].float(), -1)
        alone = torch.log_softmax(lm(input_ids=ids[:, : len(prompt)]).logits[0, -1].float(), -1)
        likely = alone > alone.max() - 10  # of the others rounding says more than the model
        if float((whole - alone)[likely].abs().max()) > FP32_LIMIT * 10:
            raise BadInput(
                f"Model {name!r} is no causal language model as it is configured: what it says of a word depends on "
                "the words after it. If its family can be a decoder, its config.json needs is_decoder true."
            )


class _Check:
    def __init__(self, policy: Policy, texts: Texts, reference: Tensor, notes: tuple[str, ...]):
        self.policy, self.texts, self.reference, self.notes = policy, texts, reference, notes
        self.rounding = 0.0
        if policy.precision != "fp32":
            with torch.no_grad(), policy.reference(), policy.autocast():
                self.rounding = float((texts.truth(policy.base.lm) - reference).abs().mean())

    def run(self, path: str) -> SelfCheck:
        """Holds the policy's path to the truth. Raises ValueError with what differs."""
        policy, rollout = self.policy, self.texts.rollout(self.policy.device)
        gaps = []
        with torch.no_grad():
            with policy.reference():
                output, _, _ = policy.read(rollout, TEMPERATURE, (0, policy.layers))
            gaps.append(self._gap("reads", output.logprobs[rollout.response_mask], self.reference, OFF))
            with _small_adapter(policy):
                with policy.autocast():
                    adapted = self.texts.truth(policy.base.lm)
                read = policy.forward(rollout, TEMPERATURE).logprobs[rollout.response_mask]
                gaps.append(self._gap("reads with an adapter", read, adapted, ADAPTED))
                gaps.append(self._gap("writes", self.texts.written(policy.decoder()), adapted, ADAPTED))
        gap, limit = max(gaps, key=lambda pair: pair[0] / pair[1])
        self._check_gradient(rollout)
        return SelfCheck(path, policy.plain_because, policy.writer, gap, limit, self.notes)

    def _check_gradient(self, rollout: Rollout) -> None:
        """Raises ValueError when an update could not move the adapter: some families fail on the way back alone."""
        policy = self.policy
        with torch.enable_grad(), _small_adapter(policy):
            policy.forward(rollout, TEMPERATURE).logprobs.sum().backward()
        grads = [p.grad for p in policy.adapter_parameters() if p.grad is not None]
        for parameter in policy.adapter_parameters():
            parameter.grad = None
        if not any(float(grad.abs().sum()) > 0 for grad in grads) or not all(
            g.isfinite().all() for g in grads
        ):
            raise ValueError("gives the adapter no gradient that an update could follow")

    def run_plain(self, writers: tuple[str, ...]) -> SelfCheck:
        """As `run` by the plain path, with the quickest of the ways to write that is right."""
        for writer in writers[:-1]:
            self.policy.writer = writer
            try:
                return self.run(PLAIN_PATH)
            except Exception:  # a cache may fail in any way; the next way to write needs less of it
                continue
        self.policy.writer = WRITERS[-1]
        return self.run(PLAIN_PATH)

    def _gap(self, what: str, found: Tensor, truth: Tensor, times: float) -> tuple[float, float]:
        if self.policy.precision == "fp32":
            return _hold(what, found, truth, FP32_LIMIT), FP32_LIMIT
        gap, limit = (
            float((found.float().to(truth.device) - truth).abs().mean()),
            times * self.rounding + BF16_LIMIT,
        )
        if not gap <= limit:
            raise ValueError(f"{what} otherwise than the model's own forward, by {gap:.2g} nats a token")
        return gap, limit


def _notes(lm: torch.nn.Module, idle: frozenset[str]) -> tuple[str, ...]:
    """What the adapter leaves alone, a sentence each."""
    notes = []
    if experts := fused_experts(lm):
        notes.append(f"The experts ({experts} fused weights) are left as they are: no adapter goes on them.")
    if idle:
        notes.append(
            f"{len(idle)} linear layers are left as they are ({min(idle)} …): text is read without calling them, or "
            "their weight is another layer's too."
        )
    return tuple(notes)


@contextmanager
def _called_layers(lm: torch.nn.Module) -> Iterator[set[str]]:
    """The names of the linear layers that are called inside."""
    called: set[str] = set()
    hooks = [
        layer.register_forward_hook(lambda *_, name=name: called.add(name))
        for name, layer in linear_layers(lm).items()
    ]
    try:
        yield called
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _small_adapter(policy: Policy) -> Iterator[None]:
    """Inside, the adapter is of small random numbers; afterwards it is what it was, to the bit."""
    kept = policy.adapter_state()
    draw = torch.Generator().manual_seed(0)
    policy.load_adapter_state(
        {n: p + ADAPTER_SIZE * torch.randn(p.shape, generator=draw) for n, p in kept.items()}
    )
    try:
        yield
    finally:
        policy.load_adapter_state(kept)


@contextmanager
def _refusing(name: str, what: str) -> Iterator[None]:
    """Turns whatever goes wrong inside into one sentence."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:  # families fail in many ways; each is a refusal, told in its own words
        raise BadInput(f"Model {name!r} cannot be trained here: {what} ({_told(error)}).") from error


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    words = lines[0].rstrip(".")[:200] if lines else ""
    if isinstance(error, ValueError) and words:
        return words
    return f"{type(error).__name__}: {words}"
