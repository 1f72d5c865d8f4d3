"""Message trees, and the same messages flat."""

import pytest

from tests.rater_data.importing.import_world import import_as_ratings, judgements, write_jsonl


def oasst(name: str, parent: str | None, role: str, text: str, **more) -> dict:
    return {"message_id": name, "parent_id": parent, "role": role, "text": text, **more}


def labels(quality: float, flat: bool) -> dict:
    if flat:
        return {"name": ["spam", "quality"], "value": [0.0, quality], "count": [3, 3]}
    return {"spam": {"value": 0.0, "count": 3}, "quality": {"value": quality, "count": 3}}


def messages(flat: bool) -> list[dict]:
    return [
        oasst("c", "b", "prompter", "And why?"),  # before its parent
        oasst("a", None, "prompter", "What?"),
        oasst("b", "a", "assistant", "This.", rank=0, labels=labels(0.75, flat)),
        oasst("d", "a", "assistant", "That.", rank=1, labels=labels(0.25, flat)),
        oasst("e", "a", "assistant", "Gone.", rank=2, deleted=True, labels=labels(0.5, flat)),
        oasst("f", "c", "assistant", "Because.", labels=labels(1.0, flat)),
        oasst("g", "c", "assistant", "Never judged."),
    ]


def tree() -> dict:
    found = {m["message_id"]: m | {"replies": []} for m in messages(flat=False)}
    for one in found.values():
        if one["parent_id"] is not None:
            found[one["parent_id"]]["replies"].append(one)
    return {"message_tree_id": "a", "tree_state": "ready_for_export", "prompt": found["a"]}


@pytest.mark.parametrize("flat", [True, False])
def test_message_trees(store, pair_store, tmp_path, flat):
    path = write_jsonl(tmp_path, "trees.jsonl", messages(flat=True) if flat else [tree()])
    report = import_as_ratings(store, path)
    assert (report.layout, report.stored.ratings) == ("oasst", 3)
    assert report.ignored == {"messages without a quality": 1}
    assert sorted(judgements(store)) == [
        ("And why?", "Because.", 10),
        ("What?", "That.", 3),
        ("What?", "This.", 8),
    ]
    deep = next(one.prompt for one in store.rated() if one.prompt.text == "And why?")
    assert [m.content for m in deep.messages] == ["What?", "This.", "And why?"]
    assert import_as_ratings(pair_store, path).stored.ratings == 1
    assert judgements(pair_store) == [("What?", "This.", "That.", 1)]


def test_an_orphan_and_a_twin_are_named(store, tmp_path):
    rows = [
        oasst("a", None, "prompter", "x"),
        oasst("a", None, "prompter", "y"),
        oasst("b", "z", "assistant", "w"),
    ]
    report = import_as_ratings(store, write_jsonl(tmp_path, "flat.jsonl", rows), skip_bad=True)
    assert report.bad == [
        "flat.jsonl, line 2: there is a message of this message_id already.",
        "flat.jsonl, line 3: its parent 'z' is not in the file.",
    ]
