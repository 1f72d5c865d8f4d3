"""One family through the whole engine, as a round would take it, against the family's own forward.

Saved to a folder, loaded, self-checked; then read in packed rows, written token by token with a cache, trained for a
step, and merged. The truth never comes from the engine: a second model of the same seed, PEFT's adapter on it, one
text at a time without padding, mask or cache.
"""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model
from torch import Tensor

from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.config import ADAPTER, Config, LoraSettings, PPOConfig, SampleConfig
from ppo.model.base_model import BaseModel
from ppo.model.loading.base_models import load_base
from ppo.model.policy import Policy
from ppo.model.rollout import Rollout, rollout_of
from ppo.model.self_check import ADAPTED, BF16_LIMIT, SelfCheck, checked_policy
from rater_data.errors import BadInput
from rater_data.round_settings import CHAT, PLAIN
from tests.ppo.model.tiny_families import TOKENIZER, plain_logprobs, tiny_config, tiny_model_of

CPU = torch.device("cpu")
FP32, BF16 = "fp32", "bf16"
STORED = "stored in bf16"  # and held so, for products in bf16
FP32_BOUND = 1e-4  # nats a token
T = 0.7
REFUSED = "refused"
TEMPLATE = (
    "{% for m in messages %}<|begin|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|begin|>assistant\n{% endif %}"
)
QUESTIONS = ("What is a fox?", "Say one word.")
LENGTHS = (8, 3, 6, 5)  # tokens of the responses, two to each question
CONFIG = Config(
    sample=SampleConfig(temperature=T, max_new_tokens=max(LENGTHS)),
    lora=LoraSettings(r=2, alpha=4),
    ppo=replace(PPOConfig(), minibatch=2, learning_rate=1e-2),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a family. `reads` and `writes` are the differences from the truth in nats a token (the largest in
    fp32, the mean in bf16), `bound` what they may be; `adapted` counts adapted modules, `learned` those that a step of
    PPO moved, `base_moved` names weights of the base that it moved; `merged` is the largest difference of a logit
    between the adapted model and the merged one."""

    family: str
    path: str
    why: str
    writer: str = ""
    reads: float = 0.0
    writes: float = 0.0
    bound: float = 0.0
    adapted: int = 0
    learned: int = 0
    base_moved: tuple[str, ...] = ()
    merged: float = 0.0


def sweep(family: str, precision: str, template: bool, folder: Path) -> Outcome:
    """Takes a family through the engine in `folder` (empty). Raises whatever the engine raises beside BadInput."""
    tokenizer = copy.deepcopy(TOKENIZER)
    tokenizer.chat_template = TEMPLATE if template else None
    lm, config = _model_of(family, precision), tiny_config(family)
    lm.save_pretrained(folder)
    if lm.config.model_type != config.model_type:
        config.save_pretrained(
            folder
        )  # a part of a larger model is saved as itself, and published as the whole
    tokenizer.save_pretrained(folder)
    try:
        products = BF16 if precision == STORED else precision
        base = load_base(str(folder), folder, "cpu", BF16 if precision == STORED else FP32)
        policy, check = checked_policy(base, CONFIG.lora, products, seed=0)
    except BadInput as refusal:
        return Outcome(family, REFUSED, str(refusal).replace(str(folder), family))
    texts = _texts(base, template)
    _draw_adapter(policy)
    return _measured(family, _model_of(family, precision).float(), policy, check, texts)


def _model_of(family: str, precision: str) -> Any:
    return tiny_model_of(family).bfloat16() if precision == STORED else tiny_model_of(family)


Texts = list[tuple[list[int], list[int]]]


def _texts(base: BaseModel, template: bool) -> Texts:
    """Prompt and response of each row; without a template one of the prompts is plain, the other a chat."""
    formats = (CHAT, CHAT) if template else (PLAIN, CHAT)
    prompts = [
        base.encode([{"role": "user", "content": question}], SampleConfig(prompt_format=how))
        for question, how in zip(QUESTIONS, formats, strict=True)
    ]
    draw = torch.Generator().manual_seed(5)
    return [
        (prompts[i // 2], torch.randint(0, 250, (length,), generator=draw).tolist())
        for i, length in enumerate(LENGTHS)
    ]


def _draw_adapter(policy: Policy) -> None:
    """Small random numbers, so that the adapter says something."""
    draw = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for parameter in policy.adapter_parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.05)


def _measured(family: str, plain: Any, policy: Policy, check: SelfCheck, texts: Texts) -> Outcome:
    adapted = adapted_truth(plain, policy)
    truth = torch.cat([plain_logprobs(adapted, *text, T) for text in texts])
    rollout = _rollout(texts)
    with torch.no_grad():
        read = policy.forward(rollout, T).logprobs[rollout.response_mask]
    differences = [(read - truth).abs(), (written(policy, texts) - truth).abs()]
    bound = FP32_BOUND
    if policy.precision == FP32:
        reads, writes = (float(difference.max()) for difference in differences)
    else:
        reads, writes = (float(difference.mean()) for difference in differences)
        with policy.autocast():
            rounded = torch.cat([plain_logprobs(policy.base.lm, *text, T) for text in texts])
        bound = ADAPTED * float((rounded - truth).abs().mean()) + BF16_LIMIT
        if any("expert" in name for name, _ in policy.base.lm.named_modules()):
            bound *= 2  # a token that rounding sends to another expert changes all that follow it, or none
    learned, base_moved = _trained(policy, rollout)
    return Outcome(
        family,
        check.path,
        check.because,
        check.writer,
        reads,
        writes,
        bound,
        sum("lora_B" in name for name in policy.adapter_state()),
        learned,
        base_moved,
        _merge_difference(adapted, texts[0]),
    )


def adapted_truth(plain: Any, policy: Policy) -> Any:
    """A second model of the family in fp32, `plain`, with the policy's adapter on it, by PEFT alone."""
    settings = copy.deepcopy(policy.peft.peft_config[ADAPTER])
    settings.base_model_name_or_path = None
    model = get_peft_model(plain, settings).eval()
    own, state = dict(model.named_parameters()), policy.adapter_state()
    with torch.no_grad():
        for name, tensor in state.items():
            own[name].copy_(tensor)
    return model


def _rollout(texts: Texts) -> Rollout:
    prompts, responses = zip(*texts, strict=True)
    return rollout_of(prompts, responses, [False] * len(texts), [i // 2 for i in range(len(texts))], 0, CPU)


@torch.no_grad()
def written(policy: Policy, texts: Texts) -> Tensor:
    """The log-probabilities of the responses (all tokens in turn), token after token by what writes: each row leaves
    when its response is over."""
    decoder = policy.decoder()
    states = decoder.prefill([texts[0][0], texts[2][0]], 2, max(LENGTHS))
    rows, found = list(range(len(texts))), [[] for _ in texts]  # type: list[int], list[list[Tensor]]
    for step in range(max(LENGTHS)):
        every = torch.log_softmax(decoder.logits(states, T).float(), dim=-1)
        for place, row in enumerate(rows):
            found[row].append(every[place, texts[row][1][step]])
        staying = [place for place, row in enumerate(rows) if step + 1 < len(texts[row][1])]
        if not staying:
            break
        tokens = torch.tensor([texts[rows[place]][1][step] for place in staying])
        if len(staying) < len(rows):
            decoder.keep_rows(torch.tensor(staying))
            rows = [rows[place] for place in staying]
        states = decoder.step(tokens)
    return torch.stack([logprob for row in found for logprob in row])


def _trained(policy: Policy, rollout: Rollout) -> tuple[int, tuple[str, ...]]:
    """One PPO update: how many adapted modules it moved, and the names of what it moved beside them."""
    before = {name: p.detach().clone() for name, p in policy.peft.named_parameters()}
    evaluated = evaluate_rollout(policy, rollout, (0, policy.layers), CONFIG)
    scores = torch.tensor([1.0, -1.0, 0.5, -0.5])
    state = TrainState.begin(policy, CONFIG.ppo, 1)
    ppo_update(state, build_experience(evaluated, scores, 0.05, 0.95), CONFIG, 1, seed=0)
    moved = [name for name, p in policy.peft.named_parameters() if not torch.equal(p, before[name])]
    return sum("lora_B" in n for n in moved), tuple(n for n in moved if "lora_" not in n)


@torch.no_grad()
def _merge_difference(adapted: Any, text: tuple[list[int], list[int]]) -> float:
    ids = torch.tensor([text[0] + text[1]])
    wanted = adapted(input_ids=ids).logits
    return float((adapted.merge_and_unload()(input_ids=ids).logits - wanted).abs().max())
