"""The layout `prompts`: a prompt in each row, as a text or as messages. Other layouts parse their prompts with it."""

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.cells.chats import parse_messages
from rater_data.importing.cells.texts import (
    PROMPT_COLUMNS,
    SYSTEM_COLUMNS,
    check_no_images,
    check_no_template,
    find_chat,
    find_text_or_chat,
    is_own_row,
)
from rater_data.importing.cells.values import parse_tags
from rater_data.importing.layouts.base import Layout, ParseOptions, row_by_row
from rater_data.importing.readers.row import Row
from rater_data.importing.readers.splits import split_of_row
from rater_data.records import Message, Prompt

MAX_NAMED_COLUMNS = 12  # in the error for a row without a prompt


def parse_prompt(
    row: Row, options: ParseOptions, default_split: str | None = None, source: str | None = None
) -> Prompt:
    """The prompt of a row: `messages`, or `prompt` or `text`, which may hold messages, too.

    Its split is the row's own, else that of the options, of the part of the dataset, `default_split`, or of its text's
    hash. Of messages that end with the assistant it is what came before that. `source`: if not that of the options.
    """
    check_no_images(row)
    source = options.source if source is None else source
    tags, split = (
        parse_tags(row),
        split_of_row(row.first("split")) or options.split or row.split or default_split,
    )
    chat = find_chat(row)
    value = find_text_or_chat(row, *PROMPT_COLUMNS) if chat is None else chat[0]
    if value is None:
        raise BadInput(
            f"there is no prompt: name the column prompt, text or messages, and fill it{_describe_columns(row)}"
        )
    if isinstance(value, list | tuple):
        messages = parse_messages(value) if isinstance(value, list) else value
        # what a text's own hash decides, the last message's decides for a chat
        split = split or Prompt.of(messages[-1].content).split
        return Prompt(messages=messages, tags=tags, split=split, source=source)
    if isinstance(value, str) and not is_own_row(row):
        check_no_template(value)
        system = row.first(*SYSTEM_COLUMNS)
        if isinstance(system, str) and system.strip():
            split = split or Prompt.of(value).split
            told = (Message(role="system", content=system), Message(role="user", content=value))
            return Prompt(messages=told, tags=tags, split=split, source=source)
    return Prompt.of(value, tags=tags, split=split, source=source)


def chat_prompt(row: Row, options: ParseOptions, messages: tuple[Message, ...]) -> Prompt:
    """The prompt of a row that has its conversation in another column. It is there to be learned from."""
    check_no_images(row)
    split = split_of_row(row.first("split")) or options.split or row.split or "train"
    return Prompt(messages=messages, tags=parse_tags(row), split=split, source=options.source)


def _describe_columns(row: Row) -> str:
    """The columns that the row has, for the end of a sentence."""
    names = [str(name) for name in row.values]
    listed = ", ".join(checks.quoted(name) for name in names[:MAX_NAMED_COLUMNS]) or "none"
    more = f" and {len(names) - MAX_NAMED_COLUMNS} more" if len(names) > MAX_NAMED_COLUMNS else ""
    return f"; the columns are {listed}{more}"


PROMPTS = Layout(name="prompts", holds="prompts", parse_rows=row_by_row(parse_prompt))
