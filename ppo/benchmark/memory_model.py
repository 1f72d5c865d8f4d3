"""How much memory a round needs, calculated from a model's shape: nothing is made, nothing is measured.

What is counted is what the engine keeps on a GPU: transformers' own layers with the fused adapter, states in fp32, and
products in the type of the weights (bf16 where these are in 4 bits). A test holds the largest part, what an update
keeps for its way back, to what torch keeps on a CPU, byte by byte; what a GPU adds of its own (`CONTEXT`) is assumed.
On a CPU the engine's own blocks keep less for the way back than is counted, and take a merged copy while they write.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from ppo.benchmark.shapes import Shape
from ppo.model.lm_head import BLOCK, CHUNK_ROWS, WIDE_BLOCK
from ppo.model.loading.quantize import BITS as FOUR_BITS
from ppo.model.policy import MICROBATCH_TOKENS, WIDEST_SHARED

BF16, NF4, FP32 = "bf16", "nf4", "fp32"
BITS = {NF4: FOUR_BITS, BF16: 16.0, FP32: 32.0}  # of a linear weight
STATE = 4  # bytes of a number of the states, which are fp32 always
CONTEXT = (
    0.8e9  # bytes that CUDA takes for itself: context, kernels, two cuBLAS workspaces; assumed, not measured
)
# Bytes of a process on a CPU beside the model: Python, torch and transformers (.45e9), and what the allocator keeps of
# what is freed; measured on SmolLM2-135M
PROCESS = 0.9e9
GB = 1e9
CARDS = (16, 24, 40, 80)  # GB


@dataclass(frozen=True)
class RoundSize:
    """What a round works: `responses` of `response` tokens, `per_prompt` to each prompt of `prompt` tokens, with an
    adapter of `rank`, in micro-batches of `microbatch` tokens."""

    responses: int = 64
    response: int = 256
    prompt: int = 128
    per_prompt: int = 4
    rank: int = 16
    microbatch: int = MICROBATCH_TOKENS["cuda"]

    @property
    def group(self) -> int:
        """Tokens of one prompt with its responses."""
        return self.prompt + self.per_prompt * self.response

    @property
    def shared(self) -> bool:
        """Whether a prompt is read once for its responses; of long ones each has a row of its own."""
        return self.group <= WIDEST_SHARED

    @property
    def groups(self) -> float:
        """Prompts of one micro-batch, with their responses; at most all there are."""
        return min(self.microbatch / self.group, self.responses / self.per_prompt)

    @property
    def columns(self) -> float:
        """Columns of the rows of one micro-batch: its tokens, and the prompts again where they are not shared."""
        row = self.group if self.shared else self.per_prompt * (self.prompt + self.response)
        return self.groups * row

    @property
    def sampled(self) -> float:
        """Tokens of one micro-batch that were sampled."""
        return self.groups * self.per_prompt * self.response


@dataclass(frozen=True)
class MemoryNeeds:
    """Bytes. `weights`, `adapter` (with its gradients and Adam's two moments) and `context` stay; the others are those
    of one phase: `kv_cache`, `logits` and, on a CPU, `merged` weights of writing, which the self-check does too;
    `hidden_states` of scoring; `activations` of updating; `head_block` and `buffers` (the rollout's states for the
    critic) of both. `loaded` are the weights while they are loaded, of those in 4 bits one in the type that it comes
    in; `fp32_table` is the head as the self-check reads it."""

    weights: float
    adapter: float
    context: float
    kv_cache: float
    logits: float
    hidden_states: float
    activations: float
    head_block: float
    buffers: float
    fp32_table: float
    loaded: float
    merged: float

    @property
    def phases(self) -> dict[str, float]:
        """The peak of each phase, as the bench names them."""
        stays = self.weights + self.adapter + self.context
        both = self.head_block + self.buffers
        return {
            "load": self.loaded + self.context,
            "policy": self.weights + self.adapter / 4 + self.context + self.fp32_table + self.merged,
            "generate": stays + self.kv_cache + self.logits + self.merged,
            "score": stays + self.hidden_states + both,
            "update": stays + self.activations + both,
        }

    @property
    def peak(self) -> float:
        """The highest of them."""
        return max(self.phases.values())


def memory_needs(
    shape: Shape, size: RoundSize, weights: str = BF16, recompute: bool = False, kind: str = "cuda"
) -> MemoryNeeds:
    """What a round of that size needs with weights held as `weights` (bf16, nf4, fp32), on a device of that `kind`.

    `recompute`: each layer keeps its input alone and is gone through once more on the way back.
    """
    product = 4 if weights == FP32 else 2
    adapter = adapter_weights(shape, size.rank)
    per_layer = layer_bytes(shape, size.rank, product, size.shared)
    layers_kept = shape.layers * per_layer
    if recompute:
        layers_kept = shape.layers * shape.hidden * STATE + per_layer
    passing = layer_passing_bytes(shape, product)
    sampled = (
        4 * STATE * shape.hidden
    )  # the head's slopes and the critic's input, each twice while it is made
    mask = size.group * product if size.shared else 0
    tables = shape.table_weights + shape.small_weights
    held = shape.linear_weights * BITS[weights] / 8 + tables * product
    largest = max(inputs * outputs for inputs, outputs in shape.linears().values())
    on_cpu = kind == "cpu"
    block = BLOCK if on_cpu else WIDE_BLOCK
    # The adapter is merged into a copy, and the head is packed anew; not of layers in 4 bits
    merged = float(shape.linear_weights + shape.vocabulary * shape.hidden) * product
    return MemoryNeeds(
        weights=held,
        adapter=16.0 * adapter,
        context=PROCESS if on_cpu else CONTEXT,
        kv_cache=float(
            size.responses * (size.prompt + size.response) * shape.layers * 2 * shape.kv_width * product
        ),
        logits=float(size.responses * shape.vocabulary * (product + 3 * 4)),
        hidden_states=size.columns * ((shape.layers + 1) * shape.hidden * STATE + passing + mask)
        + size.sampled * 2 * STATE * shape.hidden,
        activations=size.columns * (layers_kept + passing + mask)
        + size.sampled * sampled
        + adapter * product,
        head_block=float(block * shape.hidden * 4 + 4 * CHUNK_ROWS * block * 4),
        buffers=float(2 * size.responses * size.response * shape.hidden * STATE),
        fp32_table=float(shape.vocabulary * shape.hidden * 4) if weights != FP32 else 0.0,
        merged=merged if on_cpu and weights != NF4 else 0.0,
        loaded=held + (largest * product if weights == NF4 else 0),
    )


def adapter_weights(shape: Shape, rank: int) -> int:
    """Weights of an adapter of `rank` on all linear layers."""
    return shape.layers * rank * sum(inputs + outputs for inputs, outputs in shape.linears().values())


def layer_bytes(shape: Shape, rank: int, product: int, shared: bool = True) -> float:
    """Bytes that one layer keeps of one column for the way back, by transformers' modules and the fused adapter.

    `product`: bytes of a number in products. In bf16 each linear layer keeps a copy of its input of its own (the norms
    give fp32); in fp32 those of one input share it. `shared`: with a mask, for which keys and values are repeated for
    every head.
    """
    hidden, mlp = shape.hidden, shape.mlp
    norms = 2 * (hidden + 1) * STATE  # what the two read, and what they divide by
    inputs = (5 if product < STATE else 2) * hidden * product
    keys = hidden if shared else shape.kv_width
    attention = (
        2 * hidden + 2 * keys
    ) * product + shape.heads * 4  # queries, keys, values, what comes out, sums
    feed_forward = 4 * mlp * product  # gate, its SiLU, up, and their product, which is the last layer's input
    return float(norms + inputs + attention + feed_forward + 7 * rank * product)


def layer_passing_bytes(shape: Shape, product: int) -> float:
    """Bytes of one token that come and go while one layer is worked on, in either direction."""
    return float(3 * shape.mlp * product + 4 * shape.hidden * STATE)


def fitting_microbatch(shape: Shape, size: RoundSize, weights: str, recompute: bool, room: float) -> int:
    """The largest micro-batch, of those that halving leads to, with which a round stays within `room` bytes; 0 where
    none does."""
    tokens = MICROBATCH_TOKENS["cuda"]
    while tokens >= 64:
        if memory_needs(shape, replace(size, microbatch=tokens), weights, recompute).peak <= room:
            return tokens
        tokens //= 2
    return 0


def memory_table(shape: Shape, size: RoundSize) -> list[dict[str, Any]]:
    """For each way to hold the weights and with or without recomputation: the parts and the phases in GB (10⁹ bytes)
    at the micro-batch of `size`, and the largest micro-batch that fits cards of CARDS gigabytes (0: none)."""
    rows = []
    for weights in BITS:
        for recompute in (False, True):
            needs = memory_needs(shape, size, weights, recompute)
            fits = {
                str(card): fitting_microbatch(shape, size, weights, recompute, card * GB) for card in CARDS
            }
            rows.append(
                {
                    "weights": weights,
                    "recompute": recompute,
                    "microbatch": size.microbatch,
                    "parts": {name: count / GB for name, count in asdict(needs).items()},
                    "phases": {name: count / GB for name, count in needs.phases.items()},
                    "fits": fits,
                }
            )
    return rows
