"""Damaged Parquet and Arrow files of which pyarrow ends the whole process: here they end in a sentence."""

import base64
from hashlib import sha256

import datasets
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rater_data.errors import BadInput
from rater_data.importing.import_files import import_file
from rater_data.importing.options import ImportOptions
from rater_data.importing.readers.column_files import read_parquet
from rater_data.verify.dataset import verify_dataset
from tests.rater_data.importing.import_world import emptied
from tests.rater_data.store_world import file_store

# one column of one true, with bit 2 of byte 66 turned: pyarrow 26.0.1 does not catch an error of its own
ABORTS = base64.b64decode("""
UEFSMRUAFQ4VDiwVBBUAFQYVBhwYAQEYAQEWACgBARgBARERAAAAAgAAAAQBAxUEGSw1ABgGc2NoZW1hFQIAFQAlBhgGcHJvbXB0ABYEGRwZHC
YAHBUAGSUGABkYBnByb21wdBUAFgQWVBZUJgg8GAEBGAEBFgAoAQEYAQEREQAZHBUAFQAVAgA8KQYZJgAEAAAAFlQWBCYIFlQAGRwYDEFSUk9X
OnNjaGVtYRigAS8vLy8vM0FBQUFBUUFBQUFBQUFLQUF3QUJnQUZBQWdBQ2dBQUFBQUJCQUFNQUFBQUNBQUlBQUFBQkFBSUFBQUFCQUFBQUFFQU
FBQVVBQUFBRUFBVUFBZ0FCZ0FIQUF3QUFBQVFBQkFBQUFBQUFBRUdFQUFBQUJ3QUFBQUVBQUFBQUFBQUFBWUFBQUJ3Y205dGNIUUFBQVFBQkFB
RUFBQUEAGCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRkcHAAAAEoBAABQQVIx
""")
ROWS = [{"prompt": f"p{i}", "response": "r", "rating": 5} for i in range(20_000)]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = file_store(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


def test_a_file_that_ends_its_reader(store, tmp_path):
    (tmp_path / "a.parquet").write_bytes(ABORTS)
    said = (
        r"^a\.parquet is no Parquet file that can be read at all \(its reader ended with SIGABRT: what\(\): "
    )
    with pytest.raises(BadInput, match=said):
        import_file(store, tmp_path / "a.parquet", ImportOptions(kind="ratings"))
    pq.write_table(pa.Table.from_pylist(ROWS[:3]), tmp_path / "b.parquet")
    with emptied(store):
        assert import_file(store, tmp_path / "b.parquet", ImportOptions(kind="ratings")).stored.ratings == 3


def test_verifying_an_exported_dataset(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train-0.parquet").write_bytes(ABORTS)
    (tmp_path / "rateloop.sha256").write_text(f"{sha256(ABORTS).hexdigest()}  data/train-0.parquet\n")
    (said,) = verify_dataset(tmp_path)
    assert said.startswith("The file data/train-0.parquet cannot be read: its reader ended with SIGABRT")


def test_a_reader_that_is_ended_behind_some_rows(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    rows = read_parquet(tmp_path / "a.parquet")
    next(rows)
    for child in psutil.Process().children():
        if "rater_data.importing.readers.column_process" in child.cmdline():
            child.kill()
    with pytest.raises(BadInput, match=r"behind row \d+ \(its reader ended with SIGKILL\)"):
        list(rows)


def test_whoever_stops_reading_ends_the_reader(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    rows = read_parquet(tmp_path / "a.parquet")
    next(rows)
    readers = {child.pid for child in psutil.Process().children()}
    rows.close()
    assert {child.pid for child in psutil.Process().children()} < readers


def test_the_arrow_file_of_a_saved_dataset(store, tmp_path):
    """Offsets beyond the texts: whoever reads them reads somebody else's memory."""
    datasets.Dataset.from_list(ROWS[:3]).save_to_disk(tmp_path / "mine")
    file = next((tmp_path / "mine").glob("*.arrow"))
    whole = file.read_bytes()
    offsets = b"".join(number.to_bytes(4, "little") for number in (0, 2, 4, 6))
    assert whole.count(offsets) == 1
    file.write_bytes(whole.replace(offsets, offsets[:-4] + (2**30).to_bytes(4, "little")))
    with pytest.raises(BadInput, match="The dataset mine cannot be read: "):
        import_file(store, tmp_path / "mine", ImportOptions(kind="ratings"))


def test_values_that_only_tables_have(tmp_path):
    kinds = {
        "maps": (pa.list_(pa.map_(pa.string(), pa.string())), [[("role", "user"), ("content", "Hi")]],
                 [{"role": "user", "content": "Hi"}]),
        "json": (pa.json_(), '[{"role": "user", "content": "Hi"}]', [{"role": "user", "content": "Hi"}]),
        "no json": (pa.json_(), "[", "["),
        "uuid": (pa.uuid(), bytes(16), "00000000-0000-0000-0000-000000000000"),
        "decimals": (pa.struct({"a": pa.list_(pa.decimal128(9, 2))}), {"a": [1, None]}, {"a": [1, None]}),
        "words": (pa.dictionary(pa.int8(), pa.string()), "Ann", "Ann"),
    }  # fmt: skip
    columns = {name: pa.array([value, None], kind) for name, (kind, value, _) in kinds.items()}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = [row.values for row in read_parquet(tmp_path / "a.parquet")]
    assert found == [{name: plain for name, (_, _, plain) in kinds.items()}, dict.fromkeys(kinds)]
