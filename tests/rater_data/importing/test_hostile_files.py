"""Files made to do harm end in a sentence, within a bounded memory."""

import json
import subprocess
import sys

import pytest

from tests.paths import ROOT

MOST_GROWN = 250  # MB; whoever unpacked one of them as a whole, or twice at once, would need far more
MOST_OF_READER = 450  # MB, of which pyarrow is 90: a row of 80 MB is there some times over
SAID = {
    "blank.jsonl.zst": "unpacks to more than 500 times its size",
    "blank.csv.xz": "unpacks to more than 500 times its size",
    "blank.json.gz": "more than 32 MB",
    "line.jsonl.zst": "longer than 32 MB",
    "array.json.zst": "row 1: this is no JSON",
    "object.json.zst": "one JSON object of more than 32 MB",
    "cell.csv.zst": "longer than 32 MB",
    "header.csv.zst": "longer than 32 MB",
    "lines.csv.zst": "larger than field limit",
    "wide.jsonl": "longer than 32 MB",
    "deep.json": "nested too deep",
    "deeper.json": "nested too deep",
    "deep.jsonl": "nested too deep",
    "deep.csv": "looks like a chat and cannot be read",
    "dictionary.parquet": "row 1: there is no score",
    "long.parquet": "unpacks to more than 500 times its size",
    "row.parquet": "behind row 1 (a row is longer than 32 MB)",
    "rows.xlsx": "unpacks to more than a workbook of rows would",
    "far.xlsx": "more than 1048576 rows",
    "laughs.xlsx": "no workbook that can be read",
    "formula.xlsx": "C2 has a formula without its value",
    "failed.xlsx": "B2 has an error of the spreadsheet, #N/A",
}


@pytest.mark.long
def test_hostile_files_end_in_a_sentence_and_little_memory(tmp_path):
    command = [sys.executable, "-m", "tests.rater_data.importing.hostile_files", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["name"] for one in found] == list(SAID)
    for one in found:
        assert SAID[one["name"]] in one["said"], one
        assert one["grown_mb"] < MOST_GROWN, one
        assert one["reader_mb"] < MOST_OF_READER, one
