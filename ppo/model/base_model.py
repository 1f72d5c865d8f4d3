"""A causal language model on its device, with its tokenizer, its chat template and the tokens that end a response."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from rater_data.errors import BadInput

PLAIN_FORMAT = (
    "{% for m in messages %}{{ m['role'].capitalize() }}: {{ m['content'] }}\n{% endfor %}Assistant:"
)
"""For models without a chat template."""


@dataclass(frozen=True)
class BaseModel:
    """A causal language model on its device, with what is needed to name it again."""

    name: str
    revision: str
    lm: PreTrainedModel
    tokenizer: Any
    stop_ids: tuple[int, ...]
    pad_id: int

    @property
    def context(self) -> int:
        """Tokens that the model can read at most, prompt and response together."""
        return int(getattr(self.lm.config, "max_position_embeddings", None) or 2**30)

    def encode(self, messages: list[dict[str, str]]) -> list[int]:
        """The prompt's token ids, ready for the model's answer to follow."""
        template = None if self.tokenizer.chat_template else PLAIN_FORMAT
        text = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False, chat_template=template
        )
        # A chat template writes its own special tokens; the plain format wants the tokenizer's
        return self.tokenizer(text, add_special_tokens=template is not None)["input_ids"]

    def decode(self, ids: list[int]) -> str:
        """The text of response tokens, special tokens left out; NUL, which no database holds, is shown as �."""
        return self.tokenizer.decode(ids, skip_special_tokens=True).replace("\0", "\ufffd").strip()


def prepare(name: str, lm: PreTrainedModel, tokenizer: Any, device: torch.device) -> BaseModel:
    lm.requires_grad_(False)
    lm.eval()
    try:
        lm.to(device)  # type: ignore[arg-type]  # transformers' decorator hides the method's types
    except torch.OutOfMemoryError as error:
        raise BadInput(
            f"Model {name!r} does not fit on {device}. Use --device cpu or a smaller model."
        ) from error
    stops = lm.generation_config.eos_token_id if lm.generation_config is not None else None
    stops = stops if stops is not None else tokenizer.eos_token_id
    stop_ids = tuple(stops) if isinstance(stops, list) else (() if stops is None else (stops,))
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    revision = getattr(lm.config, "_commit_hash", None) or ""
    return BaseModel(name, revision, lm, tokenizer, stop_ids, pad_id)
