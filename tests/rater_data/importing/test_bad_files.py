"""Whatever a file holds, an import ends in a report or a sentence: never a traceback, never half of it in the store."""

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rater_data.errors import RateloopError
from rater_data.exporting.export import export
from rater_data.importing.import_files import import_file
from rater_data.importing.layouts.table import LAYOUTS
from rater_data.importing.options import KINDS, ImportOptions
from rater_data.importing.report import ImportReport
from rater_data.store import Store
from rater_data.verify.home import verify
from tests.rater_data.importing.import_world import TABLES, emptied
from tests.rater_data.store_world import make_world, rate_next

EXAMPLES = 40
quickly = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))

NAMES = (
    "prompt", "text", "messages", "response", "completion", "rating", "score", "rater", "comment", "split", "tags",
    "chosen", "rejected", "helpfulness", "correctness", "message_id", "parent_id", "role", "rank", "labels", "replies",
    "completion_sha256", "revision", "is_current", "verdict", "response_id", "flags", "attributes", "shown_at", "round",
    "policy_version", "stratum", "scale", "other_id", "other_completion", "slot", "key", "",
    "label", "conversations", "images", "score_chosen", "data", "annotations", "result", "value", "fields", "responses",
    "snapshot", "user_id", "meta", "from", "content", "type", "annotator", "annotation_id", "lead_time", "q.responses",
)  # fmt: skip
VALUES: st.SearchStrategy = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(0, 12), st.floats(), st.text(), st.text("ab\0\ud800=é\n"),
    st.sampled_from((
        10**400, 2**63, -1, 1e308, "1e999", "NaN", "nan", "Infinity", "\n\nHuman: a\n\nAssistant: b", "[", "[[]]", "{}",
        '[{"role": "user", "content": "x"}]', "user", "assistant", "prompter", "train", "holdout", "rated", "skip",
        "removed", "pair", "score_1_10", "2024-01-01T00:00:00+00:00", "0001-01-01", "9999-12-31T23:59:59-23:00", "true",
    )),
)  # fmt: skip
DEEP = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(NAMES), DEEP, max_size=8), max_size=5)
GOOD = {"prompt": "Fine?", "response": "Fine.", "rating": 5}
OPTIONS = st.builds(
    ImportOptions,
    kind=st.sampled_from(KINDS),
    layout=st.sampled_from(("auto", *LAYOUTS)),
    columns=st.sampled_from(({}, {"prompt": "text"}, {"rating": "rank"})),
    chosen_score=st.sampled_from((None, 8.0)),
    rejected_score=st.sampled_from((None, 3.0)),
    score_range=st.sampled_from((None, (0.0, 4.0))),
    skip_bad=st.booleans(),
    dry_run=st.booleans(),
    offer=st.booleans(),
)


FILES = (
    *("a.jsonl", "a.csv", "a.txt", "a.parquet", "a.jsonl.gz", "a.csv.gz"),
    *("a.json", "a.ndjson", "a.tsv", "a.xlsx", "a.json.zst", "a.csv.xz", "a.jsonl.bz2"),
)
BYTES = st.binary(max_size=300) | st.text(max_size=300).map(lambda s: s.encode("utf-8", "surrogatepass"))


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, Store]]:
    """Stores by scale, emptied after each try: opening one takes longer than a try."""
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for scale in ("score_1_10", "pair"):
            made[scale] = Store.open(Path(folder) / scale)
            made[scale].choose_scale(scale)
        yield made
        for store in made.values():
            store.close()


def counts(store: Store) -> dict[str, int]:
    import sqlalchemy as sa

    with store.reading() as connection:
        return {x.name: connection.scalar(sa.select(sa.func.count()).select_from(x)) for x in TABLES}


class Files(dict):
    """File contents by name, too long to be shown by a test that fails."""

    def __repr__(self) -> str:
        return f"Files({list(self)})"


def check_import(store: Store, name: str, content: bytes, options: ImportOptions) -> ImportReport | None:
    """Imports a file, and checks the store: whole afterwards, untouched where nothing was to be imported."""
    with tempfile.TemporaryDirectory() as folder, emptied(store):
        path = Path(folder) / name
        path.write_bytes(content)
        before = counts(store)
        try:
            report = import_file(store, path, options)
        except RateloopError as error:
            assert "\n" not in str(error)
            assert str(error).encode()
            assert counts(store) == before
            return None
        assert list(verify(store)) == []
        if options.dry_run:
            assert counts(store) == before
            assert [p.name for p in Path(folder).iterdir()] == [name]
        elif report.bad_rows:
            assert options.skip_bad
            assert report.rejects_file is not None
            kept = report.rejects_file.read_text("utf-8").splitlines()
            assert len(kept) == report.bad_rows
            assert all({"reason", "row"} <= set(json.loads(line)) for line in kept)
        return report


@quickly
@given(rows=ROWS, options=OPTIONS, scale=st.sampled_from(("score_1_10", "pair")))
@example(
    [GOOD, {"prompt": "a", "response": "b", "rating": 10**400}], ImportOptions(kind="ratings"), "score_1_10"
)
@example(
    [GOOD | {"comment": {"a": [float("nan")]}}], ImportOptions(kind="ratings", skip_bad=True), "score_1_10"
)
@example([GOOD | {"\ud800": "\ud800"}], ImportOptions(kind="ratings"), "pair")
def test_json_lines(stores, rows, options, scale):
    content = "".join(json.dumps(row) + "\n" for row in rows)
    check_import(stores[scale], "a.jsonl", content.encode(), options)
    check_import(stores[scale], "a.json", json.dumps(rows).encode(), options)


@quickly
@given(content=BYTES, name=st.sampled_from(FILES), options=OPTIONS)
@example(b"[" * 100_000, "a.jsonl", ImportOptions(kind="prompts"))
@example(
    b'{"prompt": ' + b"[" * 900 + b"]" * 900 + b"}", "a.jsonl", ImportOptions(kind="prompts", skip_bad=True)
)
@example(b'{"prompt": ' + b"9" * 5000 + b"}", "a.jsonl", ImportOptions(kind="prompts", skip_bad=True))
@example(b"PAR1\x00\x00\x00\x00PAR1", "a.parquet", ImportOptions(kind="prompts"))
@example(b"prompt\n\x00\n", "a.csv", ImportOptions(kind="prompts", skip_bad=True))
@example(b"prompt,\n\xff,\n", "a.csv", ImportOptions(kind="prompts"))
@example(b'prompt\n"' + b"x" * 200_000 + b'"\n', "a.csv", ImportOptions(kind="prompts"))
def test_any_bytes(stores, content, name, options):
    check_import(stores["score_1_10"], name, content, options)


@quickly
@given(rows=st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=5), options=OPTIONS,
       header=st.lists(st.sampled_from(NAMES), max_size=5))  # fmt: skip
def test_csv(stores, rows, options, header):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([header, *rows])
    check_import(stores["score_1_10"], "a.csv", file.getvalue().encode("utf-8", "surrogatepass"), options)


@quickly
@given(rows=ROWS, options=OPTIONS, cut=st.integers(0, 4000), flip=st.integers(0, 4000))
def test_parquet_whole_cut_short_and_altered(stores, rows, options, cut, flip):
    try:
        table = pa.Table.from_pylist(rows)
        sink = io.BytesIO()
        pq.write_table(table, sink)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError, ValueError, TypeError):
        return  # nothing that Parquet can hold
    whole = sink.getvalue()
    check_import(stores["score_1_10"], "a.parquet", whole, options)
    check_import(stores["score_1_10"], "a.parquet", whole[: cut % len(whole)], options)
    altered = bytearray(whole)
    altered[flip % len(whole)] ^= 0xFF
    check_import(stores["score_1_10"], "a.parquet", bytes(altered), options)


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Files:
    """Our own export in every form."""
    folder = tmp_path_factory.mktemp("own")
    world = make_world(folder / "home", prompts=2, k=2)
    for score in (2, 7, 9):
        rate_next(world.store, world.rater, score, comment="=1", attributes={"warm": 3})
    found = Files()
    for form in ("jsonl", "csv", "parquet"):
        export(world.store, folder / f"a.{form}", file_type=form)
        found[f"a.{form}"] = (folder / f"a.{form}").read_bytes()
    found["a.jsonl.gz"] = gzip.compress(found["a.jsonl"])
    world.store.close()
    return found


@quickly
@given(name=st.sampled_from(("a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz")), place=st.integers(0, 10**6),
       new=st.binary(max_size=12), gone=st.integers(0, 12), skip=st.booleans())  # fmt: skip
def test_our_own_export_with_bytes_changed(stores, exported, name, place, new, gone, skip):
    whole = exported[name]
    place %= len(whole)
    content = whole[:place] + new + whole[place + gone :]
    check_import(stores["score_1_10"], name, content, ImportOptions(kind="ratings", skip_bad=skip))


@quickly
@given(changes=st.dictionaries(st.sampled_from(NAMES), DEEP, max_size=3), line=st.integers(0, 2))
def test_our_own_export_with_values_changed(stores, exported, changes, line):
    rows = [json.loads(one) for one in exported["a.jsonl"].splitlines()]
    rows[line] |= changes
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    check_import(stores["score_1_10"], "a.jsonl", content, ImportOptions(kind="ratings", skip_bad=True))


def test_the_untouched_one_comes_in(stores, exported):
    for name, content in exported.items():
        report = check_import(stores["score_1_10"], name, content, ImportOptions(kind="ratings"))
        assert report is not None
        assert report.stored.ratings == 3
