"""From messages to the token ids that a model reads: chat templates, foreign code that is held to what was meant.

Every text of a message must come out in what the template writes, one beginning token stands at the front and no end
token at the end, and what people wrote is encoded as text: a control token spelled in a prompt forges no turn. (Formats
that mark turns by words, "User:", can be imitated by words; no encoding prevents that.)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rater_data.errors import BadInput

Chat = list[dict[str, str]]
PLAIN_CHAT = "{% for m in messages %}{{ m['role'].capitalize() }}: {{ m['content'] }}\n{% endfor %}Assistant:"
"""For models without a chat template."""
PROBE, OTHER_PROBE, RULE_PROBE = "What is a zebra?", "And a heron?", "Speak in riddles."
PRIVATE_USE = range(0x100000, 0x10FFFE)  # characters without a meaning, to mark places in a text


@dataclass(frozen=True)
class ChatFormat:
    """How a tokenizer's chats are written.

    `template`: None for the tokenizer's own, else the one to use instead; `parts`: it wants contents as lists of parts;
    `start_ids`: what the tokenizer puts before any text (a beginning token, mostly); `control_tokens`: the texts of
    tokens that people may not write; `notes`: what is changed to please the template, a sentence each.
    """

    tokenizer: Any
    template: str | None
    parts: bool
    start_ids: tuple[int, ...]
    control_tokens: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, tokenizer: Any, name: str) -> "ChatFormat":
        """Tries the template with a probe. Raises BadInput for one that leaves out what a user says."""
        own = tokenizer.chat_template
        if isinstance(own, str) and not own.strip():
            own = None
        notes = []
        if not own:
            notes.append('There is no chat template: prompts are written "User: … Assistant:".')
        made = cls(
            tokenizer,
            None if own else PLAIN_CHAT,
            False,
            _start_ids(tokenizer),
            _control_tokens(tokenizer, own if isinstance(own, str) else str(own)),
            (),
        )
        probe = [_turn("user", PROBE)]
        why = made._attempt(probe)[1]
        if why and own:
            made = made._with(parts=True)
            if made._attempt(probe)[1]:
                raise BadInput(
                    f"The chat template of model {name!r} does not write what a user says ({why}): mend its "
                    "chat_template, or train without it: --prompt-format plain."
                )
            notes.append("The chat template wants messages as lists of parts and gets them.")
        if made._attempt([_turn("system", RULE_PROBE), *probe])[1]:
            notes.append(
                "The chat template takes no system message: its text is put before the first of the user's."
            )
        if made._attempt([*probe, _turn("user", OTHER_PROBE)])[1]:
            notes.append("The chat template wants turns to alternate: turns of one role are joined.")
        return made._with(notes=tuple(notes))

    def _with(self, **changes: Any) -> "ChatFormat":
        return ChatFormat(**{**self.__dict__, **changes})

    # ---- what is asked of it

    def encode_chat(self, messages: Chat, limit: int | None = None) -> list[int]:
        """The ids of a chat, ready for the answer to follow.

        Beyond `limit` tokens the oldest turns go first and then the beginning of the last; the system message stays.
        Raises BadInput for a chat that the template cannot write, or not within `limit`.
        """
        ids = self._encode_whole_chat(messages)
        while limit is not None and len(ids) > limit:
            messages = self._shorten(messages, len(ids) - limit, limit)
            ids = self._encode_whole_chat(messages)
        return ids

    def encode_text(self, text: str, limit: int | None = None) -> list[int]:
        """The ids of a text that the model is to continue; beyond `limit` it loses its beginning."""
        ids = self.encode_piece(text)
        if limit is not None:
            ids = ids[-max(1, limit - len(self.start_ids)) :]
        # Without a word to go on from, a model needs some token to stand at
        return [*self.start_ids, *ids] or [self.tokenizer.eos_token_id or 0]

    def encode_piece(self, text: str) -> list[int]:
        """The ids of a text that stands in the middle of others: nothing before it, nothing after it."""
        marks = _Marks(self.control_tokens, [text])
        return self._encode_marked(marks.replace(text), marks)

    def end_of_turn_id(self) -> int | None:
        """The control token that the template writes after an assistant's turn; None where it writes none."""
        chat = [_turn("user", PROBE), _turn("assistant", OTHER_PROBE)]
        try:
            text = self._apply(chat, add_generation_prompt=False)
        except Exception:  # as in `_attempt`; a template may serve for prompts alone
            return None
        after = text.rpartition(OTHER_PROBE)[2].lstrip()
        for token in sorted(self.control_tokens, key=len, reverse=True):
            if after.startswith(token):
                return int(self.tokenizer.convert_tokens_to_ids(token))
        return None

    # ---- how

    def _encode_whole_chat(self, messages: Chat) -> list[int]:
        marks = _Marks(self.control_tokens, [m["content"] for m in messages])
        marked = [{**m, "content": marks.replace(m["content"])} for m in messages]
        ids = self._encode_marked(self._write(marked), marks)
        start = list(self.start_ids)
        return ids if ids[: len(start)] == start else start + ids

    def _write(self, messages: Chat) -> str:
        """The chat as text, in the first form of it that the template writes whole."""
        why = ""
        for form in _forms(messages):
            text, why = self._attempt(form)
            if not why:
                return text
        raise BadInput(f"The model's chat template cannot write this prompt: {why}.")

    def _attempt(self, messages: Chat) -> tuple[str, str]:
        """What the template writes, and why that is not these messages whole; an empty reason when it is."""
        try:
            text = self._apply(messages, add_generation_prompt=True)
        except Exception as error:  # anything may go wrong in somebody else's template
            return "", _first_line(error)
        for message in messages:
            # Templates may cut an assistant's thoughts out of earlier turns; what people say stays
            if message["role"] != "assistant" and message["content"].strip() not in text:
                return text, f"it leaves out the words of the {message['role']}"
        return text, ""

    def _apply(self, messages: Chat, *, add_generation_prompt: bool) -> str:
        given: list[Any] = list(messages)
        if self.parts:
            given = [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in messages]
        return self.tokenizer.apply_chat_template(
            given,
            add_generation_prompt=add_generation_prompt,
            tokenize=False,
            chat_template=self.template,
        )

    def _encode_marked(self, text: str, marks: "_Marks") -> list[int]:
        ids: list[int] = []
        for i, piece in enumerate(marks.split(text)):
            if i % 2:
                ids += self._spell(self.control_tokens[int(piece)])
            elif piece:
                ids += self._encode(piece)
        return ids

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _spell(self, token: str) -> list[int]:
        """A control token's text as text: its first character apart, so that no piece is the token."""
        if len(token) == 1:
            return self._encode("\ufffd")
        rest = token[1:]
        return self._encode(token[0]) + (self.encode_piece(rest) if rest else [])

    def _shorten(self, messages: Chat, excess: int, limit: int) -> Chat:
        """Without the oldest turn after the system messages, or with a shorter beginning of the only one."""
        first = next(i for i, m in enumerate(messages) if m["role"] != "system")
        if first < len(messages) - 1:
            rest = messages[first + 1 :]
            while rest[0]["role"] != "user":  # an answer does not stand without its question
                rest = rest[1:]
            return messages[:first] + rest
        ids = self.encode_piece(messages[-1]["content"])
        shorter = self.tokenizer.decode(ids[excess:]).strip() if excess < len(ids) else ""
        if not shorter or shorter == messages[-1]["content"]:
            raise BadInput(
                f"The chat format alone takes more than the {limit} tokens that a prompt may have."
            )
        return [*messages[:-1], {**messages[-1], "content": shorter}]


class _Marks:
    """Control tokens in people's texts, replaced by marks that survive a template and are found again after it."""

    def __init__(self, control_tokens: tuple[str, ...], texts: list[str]):
        self._numbers = {token: i for i, token in enumerate(control_tokens)}
        longest_first = sorted(control_tokens, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if control_tokens else None
        used = {c for text in texts for c in text}
        self._mark = next(c for c in map(chr, PRIVATE_USE) if c not in used)

    def replace(self, text: str) -> str:
        """The text with ⟨mark⟩number⟨mark⟩ in place of each control token."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda m: f"{self._mark}{self._numbers[m.group()]}{self._mark}", text)

    def split(self, text: str) -> list[str]:
        """Texts at even places, numbers of control tokens between them."""
        return re.split(f"{self._mark}(\\d+){self._mark}", text)


def _forms(messages: Chat) -> Iterator[Chat]:
    """A chat in ever plainer forms of the same words: as it is, turns joined, system text in the first user turn."""
    folded = _fold_system(messages)
    seen: list[Chat] = []
    for form in (messages, _join_turns(messages), folded, _join_turns(folded)):
        if form not in seen:
            seen.append(form)
            yield form


def _fold_system(messages: Chat) -> Chat:
    rules = [m["content"] for m in messages if m["role"] == "system"]
    turns = [m for m in messages if m["role"] != "system"]
    first = next(i for i, m in enumerate(turns) if m["role"] == "user")
    told = _turn("user", "\n\n".join([*rules, turns[first]["content"]]))
    return [*turns[:first], told, *turns[first + 1 :]]


def _join_turns(messages: Chat) -> Chat:
    joined: Chat = []
    for message in messages:
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1] = _turn(message["role"], f"{joined[-1]['content']}\n\n{message['content']}")
        else:
            joined.append(message)
    return joined


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _start_ids(tokenizer: Any) -> tuple[int, ...]:
    bare, whole = tokenizer(PROBE, add_special_tokens=False)["input_ids"], tokenizer(PROBE)["input_ids"]
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return tuple(whole[:start])
    return ()


def _control_tokens(tokenizer: Any, template: str) -> tuple[str, ...]:
    """Texts of the tokens that are special, or that the chat template writes."""
    added = tokenizer.added_tokens_decoder.values()
    named = [t.content for t in added if t.content.strip() and (t.special or t.content in template)]
    return tuple(dict.fromkeys([*tokenizer.all_special_tokens, *named]))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
