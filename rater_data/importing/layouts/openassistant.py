"""The layout `oasst`, OpenAssistant's: message trees, or the same messages flat. Assistant messages are the responses.

A message counts by its rank among its siblings (0 is the best) or by its label "quality" from 0 to 1; `--map
rating=rank` or `--map rating=quality` says which, otherwise quality, and rank where raters compare. Deleted messages,
those that did not pass review and those without a rank or label are left out. Flat messages are all read before the
first is used, since nothing says that parents come first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.layouts.base import Layout, ParsedRows, ParseOptions
from rater_data.importing.layouts.records import BadRow, IgnoredRow, ScoredResponse
from rater_data.importing.readers.row import Row
from rater_data.records import Message, Prompt

ROLES = {"prompter": "user", "user": "user", "human": "user", "assistant": "assistant", "system": "system"}
MAX_DEPTH = 500  # messages in one conversation
QUALITY, RANK = "quality", "rank"


@dataclass(slots=True)
class _Node:
    """A message of a tree. `values`: what the file says of it."""

    row: Row
    role: str
    text: str
    values: dict[str, Any]
    parent: "_Node | None" = None
    replies: list["_Node"] = field(default_factory=list)


def _parse_rows(rows: Iterable[Row], options: ParseOptions) -> ParsedRows:
    """Each row holds a tree ({"prompt": {"text", "role", "replies": […]}}) or a message."""
    flat: dict[str, _Node] = {}
    for row in rows:
        if row.fault:
            yield row, BadRow(row.fault)
            continue
        try:
            if isinstance(row.values.get("prompt"), dict):
                yield from _responses([_parse_tree(row, row.values["prompt"])], options)
            else:
                node = _parse_node(row, row.values)
                message_id: Any = row.values.get("message_id")
                checks.text("The message_id", message_id, empty=False)
                if flat.setdefault(message_id, node) is not node:
                    raise BadInput("there is a message of this message_id already")
        except BadInput as error:
            yield row, BadRow(str(error))
    roots: list[_Node] = []
    for node in flat.values():
        parent = node.values.get("parent_id")
        if parent in (None, ""):
            roots.append(node)
        elif isinstance(parent, str) and parent in flat:
            node.parent = flat[parent]
            flat[parent].replies.append(node)
        else:
            yield node.row, BadRow(f"its parent {checks.quoted(parent)} is not in the file")
    yield from _responses(roots, options)


def _parse_node(row: Row, values: Any) -> _Node:
    if not isinstance(values, dict):
        raise BadInput("a message has to be an object")
    role: Any = values.get("role")
    text: Any = values.get("text")
    checks.one_of("The role of a message", role, ROLES)
    checks.text("The text of a message", text, empty=False)
    return _Node(row=row, role=ROLES[role], text=text, values=values)


def _parse_tree(row: Row, values: Any) -> _Node:
    root = _parse_node(row, values)
    stack = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        replies = node.values.get("replies") or []
        if not isinstance(replies, list) or depth > MAX_DEPTH:
            raise BadInput("replies have to be a list of messages, and not too deep")
        for reply in replies:
            child = _parse_node(row, reply)
            child.parent = node
            node.replies.append(child)
            stack.append((child, depth + 1))
    return root


def _responses(roots: list[_Node], options: ParseOptions) -> ParsedRows:
    """The assistant's messages in these trees, siblings together."""
    stack = list(reversed(roots))
    while stack:
        node = stack.pop()
        siblings = [reply for reply in node.replies if reply.role == "assistant"]
        yield from _scored_siblings(node, [reply for reply in siblings if _passed_review(reply)], options)
        stack.extend(reversed(node.replies))


def _passed_review(node: _Node) -> bool:
    return node.values.get("deleted") is not True and node.values.get("review_result") is not False


def _scored_siblings(
    parent: _Node, replies: list[_Node], options: ParseOptions
) -> Iterator[tuple[Row, ScoredResponse | BadRow | IgnoredRow]]:
    """The replies to one message, best first."""
    if not replies:
        return
    measure = options.columns.get("rating") or (RANK if options.scale.paired else QUALITY)
    scored: list[tuple[Row, ScoredResponse]] = []
    for reply in replies:
        score = _find_score(reply, measure, len(replies))
        if score is None:
            yield reply.row, IgnoredRow(f"messages without a {measure}")
            continue
        try:
            split = options.split or "train"
            prompt = Prompt(messages=_conversation(parent), split=split, source=options.source)
            response = ScoredResponse(prompt=prompt, response=reply.text, score=score, score_range=(0.0, 1.0))
            scored.append((reply.row, response))
        except BadInput as error:
            yield reply.row, BadRow(str(error))
    if options.scale.paired and len(scored) == 1:
        yield scored[0][0], IgnoredRow("messages without another to compare with")
        return
    yield from sorted(scored, key=lambda pair: -pair[1].score)


def _conversation(node: _Node | None) -> tuple[Message, ...]:
    """The messages from the root to this one."""
    messages = []
    while node is not None:
        messages.append(Message(role=node.role, content=node.text))
        if len(messages) > MAX_DEPTH:
            raise BadInput("its conversation is too long")
        node = node.parent
    return tuple(reversed(messages))


def _find_score(node: _Node, measure: str, siblings: int) -> float | None:
    """From 0 to 1, 1 the best; None where nobody gave this measure."""
    if measure == RANK:
        rank: Any = node.values.get("rank")
        if not checks.is_number(rank) or siblings < 2:
            return None
        return max(0.0, 1 - float(rank) / (siblings - 1))
    value = _find_label(node.values.get("labels"), measure)
    if value is None:
        value = node.values.get(measure)
    return float(value) if checks.is_number(value) and 0 <= value <= 1 else None


def _find_label(labels: Any, name: str) -> Any:
    """A label as trees have it, {"quality": {"value": …}}, or as flat messages have it: names beside values."""
    if not isinstance(labels, dict):
        return None
    if isinstance(labels.get("name"), list) and isinstance(labels.get("value"), list):
        return dict(zip(map(str, labels["name"]), labels["value"], strict=False)).get(name)
    label = labels.get(name)
    return label.get("value") if isinstance(label, dict) else label


def _is_tree_or_message(row: Row, columns: set[str]) -> bool:
    return "message_id" in columns or isinstance(row.values.get("prompt"), dict)


OPENASSISTANT = Layout(
    name="oasst",
    holds="ratings",
    parse_rows=_parse_rows,
    matches=_is_tree_or_message,
    maps_columns=False,  # "rating" names the measure here, and trees have no columns
)
