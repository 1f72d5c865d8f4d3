"""Exports that are ended or killed: what was there is there, and nothing half-made stays."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rater_data.errors import BadInput
from rater_data.exporting import output_path
from rater_data.exporting.export import export
from tests.paths import ROOT
from tests.rater_data.store_world import make_world, rate_next

SLOW = """
import sys, time
from rater_data.cli import main
from rater_data.exporting.formats import ratings
real = ratings.rating_rows
def slow(store, which):
    for rows in real(store, which):
        yield rows
        print("began", flush=True)
        time.sleep(60)
ratings.rating_rows = slow
sys.argv = ["rater_data", *sys.argv[1:]]
main.main()
"""


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "home", prompts=2, k=2)
    rate_next(made.store, made.rater, 3)
    rate_next(made.store, made.rater, 8)
    (tmp_path / "out").mkdir()
    yield made
    made.store.close()


def begun(tmp_path, *words):
    """An export that is in the middle of its rows. Patched from the inside: one that waits is long enough to be met."""
    command = [sys.executable, "-c", SLOW, "export", *words, "--home", str(tmp_path / "home")]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "began\n", child.communicate()[1]
    return child


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("file_type", ["jsonl", "dataset"])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_an_export_that_is_ended_cleans_up(world, tmp_path, file_type, sent):
    out = tmp_path / "out"
    export(world.store, out / "a", file_type=file_type)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    child = begun(tmp_path, "--out", str(out / "a"), "--as", file_type, "--force")
    try:
        assert len(names(out)) == 2
        child.send_signal(sent)
        _, said = child.communicate(timeout=90)
    finally:
        child.kill()
    assert child.returncode == 128 + sent
    assert "Traceback" not in said
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert names(out) == ["a"]


def test_what_a_killed_export_left_goes_with_the_next_one_and_what_is_being_written_stays(world, tmp_path):
    out = tmp_path / "out"
    with output_path.temporary_output(out / "b") as part:
        part.write_text("half")
        mine = part.parent
        script = (
            "import os; from pathlib import Path; from rater_data.exporting import output_path\n"
            f"with output_path.temporary_output(Path({str(out / 'c')!r})) as part:\n"
            "    part.write_text('half'); os._exit(9)"
        )
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT)
        assert done.returncode == 9
        (out / ".rateloop-mine").mkdir()
        (out / ".rateloop-mine" / "notes").write_text("not of an export")
        assert len(names(out)) == 3
        export(world.store, out / "a.jsonl")
        assert names(out) == sorted([".rateloop-mine", mine.name, "a.jsonl"])
        assert part.read_text() == "half"
    assert names(out) == [".rateloop-mine", "a.jsonl"]


@pytest.mark.parametrize("before", ["dataset", "file"])
def test_the_old_is_there_until_the_new_is(world, tmp_path, monkeypatch, before):
    out = tmp_path / "out" / "set"
    if before == "dataset":
        export(world.store, out, file_type="dataset")
        (out / "mine").write_text("kept")
    else:
        out.write_text("before")
    real, refused = Path.rename, []

    def rename(self, target):
        if Path(target) == out and not refused:
            refused.append(names(out.parent))
            raise SystemExit(143)
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(SystemExit):
        export(world.store, out, file_type="dataset", force=True)
    # in the worst moment the old one is beside its place, where a person finds it
    assert any(re.fullmatch(r"set\.old-[0-9a-f]{8}", name) for name in refused[0])
    assert names(out.parent) == ["set"]
    assert (out / "mine").read_text() == "kept" if before == "dataset" else out.read_text() == "before"
    export(world.store, out, file_type="dataset", force=True)
    assert names(out.parent) == ["set"]
    assert names(out) == ["README.md", "data", "rateloop.sha256"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc")
def test_a_place_that_takes_no_files_is_not_said_to_be_missing(world):
    with pytest.raises(BadInput, match="nothing can be made there") as told:
        export(world.store, Path("/proc/x.jsonl"))
    assert "does not exist" not in str(told.value)
