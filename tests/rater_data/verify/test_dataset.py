"""Is an exported dataset what it says? One that was altered is told from a whole one."""

from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.errors import BadInput
from rater_data.verify.dataset import verify_dataset

CARD = """\
# Ratings from Rateloop

3 rows: 2 train, 1 test. Load with `datasets.load_dataset` and this folder's path.

4 ratings that count now, by 2 raters; the most active one gave 2.

Krippendorff's alpha (interval level; 1 = perfect, 0 = chance) is 0.00, 95 % interval -1.00 to 1.00, on n = 2 responses
with two or more raters.
"""


@pytest.fixture
def dataset(tmp_path):
    """A folder as an export writes it."""
    folder = tmp_path / "dataset"
    (folder / "data").mkdir(parents=True)
    rows = [
        {
            "response_id": i // 2, "completion": "r", "completion_sha256": sha256(b"r").hexdigest(),
            "rater": f"r-{i % 2}", "rater_excluded": False, "rater_active": i < 2, "score": score,
            "scale": "score_1_10", "verdict": "rated", "revision": 1, "is_current": True,
        }
        for i, score in enumerate((1.0, 1.0, 1.0, 2.0))
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows[:2]), folder / "data" / "train-00000-of-00001.parquet")
    pq.write_table(pa.Table.from_pylist(rows[2:]), folder / "data" / "test-00000-of-00001.parquet")
    card = CARD.replace("3 rows: 2 train, 1 test", "4 rows: 2 train, 2 test")
    (folder / "README.md").write_text(card, encoding="utf-8")
    sign(folder)
    return folder


def sign(folder) -> None:
    files = [*sorted((folder / "data").iterdir()), folder / "README.md"]
    lines = [f"{sha256(f.read_bytes()).hexdigest()}  {f.relative_to(folder)}\n" for f in files]
    (folder / "rateloop.sha256").write_text("".join(lines))


def test_a_dataset_is_what_its_card_says(dataset):
    assert list(verify_dataset(dataset)) == []
    done = CliRunner().invoke(app, ["verify", "--dataset", str(dataset)])
    assert (done.exit_code, done.stdout) == (0, f"The dataset in {dataset} is what it says.\n")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("4 rows:", "5 rows:", "The card says 5 rows; the files have 4."),
        ("2 test", "3 test", "The card says 3 rows in test; the files have 2."),
        ("4 ratings that", "9 ratings that", "The card says 9 ratings that count; the files have 4."),
        ("by 2 raters", "by 3 raters", "The card says 3 raters; the files have 2."),
        ("is 0.00,", "is 0.50,", "The card says an agreement of 0.50; the files give 0.000."),
        ("n = 2", "n = 3", "The card's agreement is of 3 responses with several raters; the files have 2."),
    ],
)
def test_a_card_that_says_something_else_is_told(dataset, old, new, told):
    card = dataset / "README.md"
    card.write_text(card.read_text("utf-8").replace(old, new), "utf-8")
    assert list(verify_dataset(dataset)) == [
        "The file README.md is not the one that was exported: its checksum differs.",
        told,
    ]
    sign(dataset)
    assert list(verify_dataset(dataset)) == [told]


def test_files_that_were_altered_lost_or_added_are_told(dataset):
    data = dataset / "data"
    (data / "test-00000-of-00001.parquet").rename(data / "other-00000-of-00001.parquet")
    (data / "train-00000-of-00001.parquet").write_bytes(b"nothing")
    said = list(verify_dataset(dataset))
    for what in (
        "The file data/test-00000-of-00001.parquet is not there.",
        "The file data/train-00000-of-00001.parquet is not the one that was exported: its checksum differs.",
        "The file data/other-00000-of-00001.parquet has no checksum in rateloop.sha256.",
        "The card says 4 rows; the files have 2.",
    ):
        assert what in said
    assert any(one.startswith("The file data/train-00000-of-00001.parquet cannot be read") for one in said)


def test_a_folder_that_is_no_dataset(tmp_path):
    with pytest.raises(BadInput, match="no dataset that was exported here"):
        list(verify_dataset(tmp_path))
    (tmp_path / "rateloop.sha256").write_text("hello\n")
    with pytest.raises(BadInput, match="line 1"):
        list(verify_dataset(tmp_path))
    (tmp_path / "rateloop.sha256").write_text(f"{'0' * 64}  ../../etc/passwd\n")
    assert any("outside the folder" in one for one in verify_dataset(tmp_path))
