"""A causal language model on its device, with its tokenizer, its chat template and the tokens that end a response."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from transformers import PreTrainedModel

from ppo.config import SampleConfig
from ppo.model.chat_format import Chat, ChatFormat
from ppo.model.devices.moving import devices_of
from rater_data.errors import BadInput
from rater_data.round_settings import PLAIN

CONTEXT_NAMES = ("max_position_embeddings", "max_seq_len", "seq_length", "n_positions")


@dataclass(frozen=True)
class BaseModel:
    """A causal language model on its device, with what is needed to name it again.

    `notes`: what was done to make it load and to please its chat template, a sentence each. `stored_dtype`: the type of
    its weights where they came from.
    """

    name: str
    revision: str
    lm: PreTrainedModel
    tokenizer: Any
    stop_ids: tuple[int, ...]
    pad_id: int
    notes: tuple[str, ...] = ()
    stored_dtype: str = "float32"

    @property
    def context(self) -> int:
        """Tokens that the model can read at most, prompt and response together."""
        config: Any = self.lm.config.get_text_config()
        found = [getattr(config, name, None) for name in CONTEXT_NAMES]
        return next((int(length) for length in found if length), 2**30)

    @cached_property
    def chat(self) -> ChatFormat:
        """How its chats are written. Raises BadInput for a chat template that leaves words out."""
        return ChatFormat.of(self.tokenizer, self.name)

    def encode(self, messages: Chat, sample: SampleConfig, limit: int | None = None) -> list[int]:
        """The prompt's token ids in the format of `sample`, ready for the model's answer to follow.

        A chat: with the system prompt, unless it has one of its own. Plain: the words alone. Beyond `limit` tokens the
        beginning is left out. Raises BadInput for what the chat template cannot write.
        """
        if sample.prompt_format == PLAIN:
            return self.chat.encode_text("\n".join(m["content"] for m in messages), limit)
        if sample.system and all(m["role"] != "system" for m in messages):
            messages = [{"role": "system", "content": sample.system}, *messages]
        return self.chat.encode_chat(messages, limit)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of response tokens without the token that ended it; NUL, which no database holds, is shown as �."""
        return self._text_of(self._without_end(ids)).strip()

    def decode_continuation(self, prompt_ids: Sequence[int], ids: Sequence[int]) -> str:
        """As `decode`, of a response that goes on in its prompt's text: what it adds to it, a first blank included."""
        before = self._text_of(prompt_ids)
        both = self._text_of([*prompt_ids, *self._without_end(ids)])
        return both.removeprefix(before).rstrip() if both.startswith(before) else self.decode(ids)

    def _text_of(self, ids: Sequence[int]) -> str:
        # Special tokens are shown: what a model should not have written is for raters to see
        return self.tokenizer.decode(list(ids), skip_special_tokens=False).replace("\0", "\ufffd")

    def _without_end(self, ids: Sequence[int]) -> list[int]:
        ended = bool(ids) and ids[-1] in self.stop_ids and ids[-1] in self.tokenizer.all_special_ids
        return list(ids[:-1] if ended else ids)


def prepare(name: str, lm: PreTrainedModel, tokenizer: Any, device: torch.device) -> BaseModel:
    lm.requires_grad_(False)
    lm.eval()
    try:
        if len(devices_of(lm)) == 1:  # the layers of one that is spread stay where they are
            lm.to(device)  # type: ignore[arg-type]  # transformers' decorator hides the method's types
    except torch.OutOfMemoryError as error:
        raise BadInput(
            f"Model {name!r} does not fit on {device}. Use --device cpu or a smaller model."
        ) from error
    pad_id, embeddings = tokenizer.pad_token_id, lm.get_input_embeddings()
    if pad_id is None or pad_id >= len(embeddings.weight):  # type: ignore[arg-type]  # any module, says torch
        pad_id = 0  # padding is masked: any token will do that the model knows
    revision = getattr(lm.config, "_commit_hash", None) or ""
    base = BaseModel(name, revision, lm, tokenizer, (), pad_id)
    return replace(base, stop_ids=_stop_ids(base), notes=base.chat.notes)


def _stop_ids(base: BaseModel) -> tuple[int, ...]:
    """Every token that ends an answer: by the generation config, the tokenizer, or the chat template's own habit."""
    settings = base.lm.generation_config
    named = settings.eos_token_id if settings is not None else None
    found = [*(named if isinstance(named, list) else [named]), base.tokenizer.eos_token_id]
    return tuple(dict.fromkeys(i for i in [*found, base.chat.end_of_turn_id()] if i is not None))
