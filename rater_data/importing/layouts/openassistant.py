"""OpenAssistant's message trees, and the same messages flat: every assistant message answers the path to it.

A message counts by its rank among its siblings (0 is the best) or by its label "quality" from 0 to 1; `--map
rating=rank` or `--map rating=quality` says which, otherwise quality, and rank where raters compare. Deleted messages,
those that did not pass review and those without what is asked for are left out. Flat messages are all read before the
first is used, since nothing says that parents come first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.layouts.cells import Found, How, LeftOut, Scored, Wrong
from rater_data.importing.readers.text_files import Row
from rater_data.records import Message, Prompt

ROLES = {"prompter": "user", "user": "user", "human": "user", "assistant": "assistant", "system": "system"}
DEEPEST = 500  # messages in one conversation
QUALITY, RANK = "quality", "rank"


@dataclass(slots=True)
class _Node:
    """A message of a tree."""

    row: Row
    role: str
    text: str
    values: dict[str, Any]
    parent: "_Node | None" = None
    replies: list["_Node"] = field(default_factory=list)


def trees(rows: Iterable[Row], how: How) -> Found:
    """Rows that hold a tree each ({"prompt": {"text", "role", "replies": […]}}), or a message each."""
    flat: dict[str, _Node] = {}
    roots: list[_Node] = []
    for row in rows:
        if row.fault:
            yield row, Wrong(row.fault)
            continue
        try:
            if isinstance(row.values.get("prompt"), dict):
                yield from _judged([_tree(row, row.values["prompt"])], how)
            else:
                node = _node(row, row.values)
                name = row.values.get("message_id")
                checks.text("The message_id", name, empty=False)
                if flat.setdefault(name, node) is not node:
                    raise BadInput("there is a message of this message_id already")
        except BadInput as error:
            yield row, Wrong(str(error))
    for node in flat.values():
        parent = node.values.get("parent_id")
        if parent in (None, ""):
            roots.append(node)
        elif isinstance(parent, str) and parent in flat:
            node.parent = flat[parent]
            flat[parent].replies.append(node)
        else:
            yield node.row, Wrong(f"its parent {checks.shown(parent)} is not in the file")
    yield from _judged(roots, how)


def _node(row: Row, values: Any) -> _Node:
    if not isinstance(values, dict):
        raise BadInput("a message has to be an object")
    role, text = values.get("role"), values.get("text")
    checks.one_of("The role of a message", role, ROLES)
    checks.text("The text of a message", text, empty=False)
    return _Node(row=row, role=ROLES[role], text=text, values=values)


def _tree(row: Row, values: Any) -> _Node:
    root = _node(row, values)
    open_ = [(root, 1)]
    while open_:
        node, depth = open_.pop()
        replies = node.values.get("replies") or []
        if not isinstance(replies, list) or depth > DEEPEST:
            raise BadInput("replies have to be a list of messages, and not too deep")
        for reply in replies:
            child = _node(row, reply)
            child.parent = node
            node.replies.append(child)
            open_.append((child, depth + 1))
    return root


def _judged(roots: list[_Node], how: How) -> Found:
    """What assistants said below these messages, siblings together."""
    open_ = list(reversed(roots))
    while open_:
        node = open_.pop()
        siblings = [reply for reply in node.replies if reply.role == "assistant"]
        yield from _siblings(node, [one for one in siblings if _stands(one)], how)
        open_.extend(reversed(node.replies))


def _stands(node: _Node) -> bool:
    return node.values.get("deleted") is not True and node.values.get("review_result") is not False


def _siblings(node: _Node, replies: list[_Node], how: How) -> Iterator[tuple[Row, Scored | Wrong | LeftOut]]:
    if not replies:
        return
    by = how.columns.get("rating") or (RANK if how.scale.paired else QUALITY)
    judged: list[tuple[float, Scored | Wrong, Row]] = []
    for reply in replies:
        value = _value(reply, by, len(replies))
        if value is None:
            yield reply.row, LeftOut(f"messages without a {by}")
            continue
        try:
            split = how.split or "train"
            prompt = Prompt(messages=_path(node), split=split, source=how.source)
            scored = Scored(prompt=prompt, response=reply.text, value=value, scores=(0.0, 1.0))
            judged.append((-value, scored, reply.row))
        except BadInput as error:
            yield reply.row, Wrong(str(error))
    if how.scale.paired and len(judged) == 1:
        yield judged[0][2], LeftOut("messages without another to compare with")
        return
    for _, one, row in sorted(judged, key=lambda found: found[0]):
        yield row, one


def _path(node: _Node | None) -> tuple[Message, ...]:
    found = []
    while node is not None:
        found.append(Message(role=node.role, content=node.text))
        if len(found) > DEEPEST:
            raise BadInput("its conversation is too long")
        node = node.parent
    return tuple(reversed(found))


def _value(node: _Node, by: str, siblings: int) -> float | None:
    """From 0 to 1, 1 the best; None where the message was not judged."""
    if by == RANK:
        rank = node.values.get("rank")
        if not checks.is_number(rank):
            return None
        return max(0.0, 1 - float(rank) / (siblings - 1)) if siblings > 1 else None
    value = _label(node.values.get("labels"), by)
    if value is None:
        value = node.values.get(by)
    return float(value) if checks.is_number(value) and 0 <= value <= 1 else None


def _label(labels: Any, name: str) -> Any:
    """A label as trees have it, {"quality": {"value": …}}, or as flat messages have it: names beside values."""
    if not isinstance(labels, dict):
        return None
    if isinstance(labels.get("name"), list) and isinstance(labels.get("value"), list):
        return dict(zip(map(str, labels["name"]), labels["value"], strict=False)).get(name)
    found = labels.get(name)
    return found.get("value") if isinstance(found, dict) else found
