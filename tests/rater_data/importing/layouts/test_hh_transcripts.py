"""Transcripts of a chosen and a rejected conversation."""

from rater_data.importing.import_files import import_file, import_prompts
from rater_data.importing.options import ImportOptions
from tests.rater_data.importing.import_world import import_as_ratings, judgements, read_jsonl, write_jsonl


def hh(*turns: str) -> str:
    speakers = ("Human", "Assistant")
    return "".join(f"\n\n{speakers[i % 2]}: {turn}" for i, turn in enumerate(turns))


def test_transcripts(pair_store, store, tmp_path):
    talk = ("Hi?", "Yes?", "Do: you\n\nknow?")
    rows = [
        {"chosen": hh(*talk, "I do."), "rejected": hh(*talk, "No.")},
        {"chosen": hh("One?", "1"), "rejected": hh("Two?", "2")},
        {"chosen": hh("One?", ""), "rejected": hh("One?", "2")},
        {"chosen": "Hello.", "rejected": "Hello!"},
        {"chosen": hh("One?"), "rejected": hh("One?")},
    ]  # fmt: skip
    path = write_jsonl(tmp_path, "hh.jsonl", rows)
    report = import_as_ratings(pair_store, path, skip_bad=True)
    assert (report.layout, report.stored.ratings, report.bad_rows) == ("hh", 1, 4)
    (one,) = pair_store.rated()
    assert [m.role for m in one.prompt.messages] == ["user", "assistant", "user"]
    assert one.prompt.text == "Do: you\n\nknow?"
    assert judgements(pair_store) == [("Do: you\n\nknow?", "I do.", "No.", 1)]
    reasons = [row["reason"] for row in read_jsonl(tmp_path / "hh.jsonl.rejected.jsonl")]
    for reason, what in zip(reasons, ("do not share", "empty", "has to begin", "has to end"), strict=True):
        assert what in reason
    assert import_as_ratings(store, path, skip_bad=True, chosen_score=9, rejected_score=2).stored.ratings == 2


def test_prompts_and_responses_of_any_shape(store, tmp_path):
    path = write_jsonl(tmp_path, "hh.jsonl", [{"chosen": hh("One?", "1"), "rejected": hh("One?", "2")}])
    assert import_file(store, path, ImportOptions(kind="prompts", layout="hh")).stored.prompts == 1
    assert import_file(store, path, ImportOptions(kind="responses", layout="hh")).stored.responses == 2
    assert import_prompts(store, write_jsonl(tmp_path, "p.jsonl", [{"prompt": "One?"}])) == (0, 1)
