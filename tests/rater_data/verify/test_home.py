"""Is the store what it says? A whole one is; one that was damaged on purpose is told from it, each time by name."""

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.importing.import_files import import_ratings
from rater_data.lifecycle import Version
from rater_data.statistics import agreement
from rater_data.store import DATABASE, Store
from rater_data.store.rounds.rating_hashes import hashed_rows_query
from rater_data.store.rounds.snapshots import snapshot_digest
from rater_data.verify.home import verify
from tests.paths import DOCS
from tests.rater_data.importing.test_import_files import FIVE
from tests.rater_data.store_world import make_world, open_store, rate_next, start_round


def adapter(home, number: int) -> str:
    """A version's folder as the trainer leaves it; its hash."""
    folder = home / f"versions/{number:04d}"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights" * 100)
    (folder / "state.json").write_text("{}")
    hashes = {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(hashes))
    return sha256(manifest.read_bytes()).hexdigest()


def lived_in(home: Path) -> Path:
    """A home with a trained round, an open one, revisions, an import, a card in hand. Every door is closed."""
    world = make_world(home, prompts=3, k=3, overlap=2, quota=6)
    store, (one, two) = world.store, world.raters
    for rater, low in ((one, 1), (two, 3)):
        for i in range(4):
            rate_next(store, rater, low + 2 * i, comment="So.")
    store.revise(store.recent(one.id)[0].rating.id, one.id, score=10)
    rate_next(store, one, verdict="broken")
    rate_next(store, two, verdict="skip")
    import_ratings(store, FIVE)
    store.seal(1, "operator")
    store.set_round_state(1, "training")
    made = Version(
        number=1, parent=0, folder="versions/0001", sha256=adapter(home, 1), base_model="tiny", base_revision="1",
        metrics={}, status="candidate", created_at=2.0,
    )  # fmt: skip
    learned = sum(one.response.stratum != "holdout" for one in store.snapshot(1))
    store.publish(1, made, gate={"ratings": learned, "passed": True}, decision="It learned.", samples=[])
    start_round(store, 3, 2, overlap=2)
    rate_next(store, one, 7)
    assert store.next_card(two.id) is not None
    store.close()
    return home


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return lived_in(tmp_path_factory.mktemp("whole") / "home")


@pytest.fixture
def home(whole, tmp_path):
    """A copy, to be damaged."""
    return shutil.copytree(whole, tmp_path / "home")


def found(home) -> list[str]:
    store = Store.open(home)
    said = list(verify(store))
    store.close()
    return said


def test_a_whole_home_is_what_it_says(home):
    assert found(home) == []
    done = CliRunner().invoke(app, ["verify", "--home", str(home)])
    assert (done.exit_code, done.stdout) == (0, f"The home folder {home} is what it says.\n")


def test_a_new_home_and_an_imported_one_are_what_they_say(home, tmp_path):
    from rater_data.exporting.export import export

    assert found(tmp_path / "new") == []
    store = Store.open(home)
    export(store, tmp_path / "out.jsonl")
    store.close()
    other = Store.open(tmp_path / "other")
    import_ratings(other, tmp_path / "out.jsonl")
    assert list(verify(other)) == []
    other.close()


DAMAGE = [
    ("UPDATE ratings SET score = 2 WHERE id = 1", ["Rating 1 or its response was altered"]),
    (
        "UPDATE ratings SET sha256 = 'ab' WHERE id = 1",
        ["Rating 1 or its response was altered", "The frozen ratings of round 1 are not those that were sealed"],
    ),
    ("UPDATE ratings SET sha256 = NULL WHERE id = 1", ["The frozen ratings of round 1 are not those"]),
    (
        "DELETE FROM ratings WHERE id = 9",
        [
            "In snapshot_ratings (round_number 1, rating_id 9), rating_id points to 9, which is not in ratings.",
            "The frozen ratings of round 1",
            "The gate of round 1 reports 15 ratings; its snapshot has 14",
        ],
    ),
    ("DELETE FROM ratings WHERE id = 4", ["Of the revisions of rater 1 on response 7 some are missing: 1 are there"]),
    (
        "DROP INDEX uq_ratings_one_current; UPDATE ratings SET is_current = 1",
        ["There are 2 current ratings of rater 1 on response"],
    ),
    (
        "DROP INDEX uq_ratings_one_current; UPDATE ratings SET is_current = NOT is_current WHERE id IN (4, 9)",
        ["Revision 1 of rater 1 on response 7 is current, but there is a later one."],
    ),
    ("UPDATE ratings SET revision = 3 WHERE id = 9", ["Of the revisions of rater 1 on response", "Rating 9 or its"]),
    ("UPDATE prompts SET messages = replace(messages, 'Question 1', 'Question 9')", ["Prompt 2 was altered"]),
    ("UPDATE prompts SET messages = '[]' WHERE id = 2", ["Prompt 2 is not well formed"]),
    ("UPDATE responses SET text = 'Other.' WHERE id = 5", ["Rating 1 or its response was altered", "Rating 6 or its"]),
    ("UPDATE responses SET logprobs = '[]' WHERE id = 1", ["Response 1 is not well formed"]),
    ("UPDATE policy_versions SET status = 'kept'", ["Exactly one version has to be in use, and it is none."]),
    (
        "DROP INDEX uq_policy_versions_one_current; UPDATE policy_versions SET status = 'current'",
        ["Exactly one version has to be in use, and it is 0 and 1."],
    ),
    ("UPDATE rounds SET gate = '{\"ratings\": 99}' WHERE number = 1", ["The gate of round 1 reports 99 ratings"]),
    ("UPDATE rounds SET snapshot_sha256 = NULL", ["Round 1 is published, but was never", "Round 1 has 15 frozen"]),
    ("UPDATE rounds SET published_version = NULL", ["Round 1 is published, but no version came out of it."]),
    (
        "DELETE FROM snapshot_ratings WHERE rating_id = 1",
        ["The frozen ratings", "The journal says that round 1 was sealed with 15", "The gate of round 1"],
    ),
    ("UPDATE leases SET response_id = 999", ["In leases (rater_id 2), response_id points to 999"]),
    ("UPDATE leases SET response_id = 17, rater_id = 1", ["Rater 1 holds the card of response 17, which they"]),
    ("UPDATE users SET active = 0 WHERE id = 2", ["Rater 2 holds the card of response", ]),
    ("UPDATE ratings SET verdict = 'removed', score = NULL WHERE id = 1", ["Rating 1 was removed, but something"]),
    (
        "UPDATE ratings SET verdict = 'removed', score = NULL, comment = '', sha256 = NULL WHERE id = 1",
        ["Rating 1 was removed, and its hash with it.", "The frozen ratings of round 1"],
    ),
    ("UPDATE users SET name_key = 'somebody' WHERE id = 1", ["User 1 is called Rater 0, but is found under"]),
    ("INSERT INTO settings VALUES ('scale', '\"thumbs\"')", ["Rating 1 is on the scale score_1_10, but"]),
    ("UPDATE ratings SET rater_id = 77 WHERE id = 10", ["In ratings (id 10), rater_id points to 77,"]),
    ("UPDATE ratings SET comment = 'Not so.' WHERE id = 1", ["Rating 1 or its response was altered"]),
    ("UPDATE ratings SET flags = '[\"odd\"]' WHERE id = 1", ["Rating 1 or its response was altered"]),
    ("UPDATE ratings SET attributes = '{\"a\": 1}' WHERE id = 1", ["Rating 1 or its response was altered"]),
    ("UPDATE ratings SET submitted_at = submitted_at + 1 WHERE id = 1", ["Rating 1 or its response was altered"]),
    ("UPDATE ratings SET active_ms = 1, position = 2 WHERE id = 1", ["Rating 1 or its response was altered"]),
    ("UPDATE users SET salt = NULL WHERE id = 1", ["Rating 1 or its response was altered"]),
    # what cannot even be read
    ("UPDATE prompts SET messages = 'hello' WHERE id = 2", ["Prompt 2 is not well formed: Expecting value"]),
    ("UPDATE prompts SET messages = '[1]' WHERE id = 2", ["Prompt 2 is not well formed"]),
    ("UPDATE prompts SET messages = x'ff' WHERE id = 2", ["Prompts could not be checked: Could not decode to UTF-8"]),
    ("UPDATE prompts SET tags = '7' WHERE id = 2", ["Prompt 2 is not well formed"]),
    ("UPDATE responses SET token_ids = '[' WHERE id = 1", ["Response 1 is not well formed"]),
    ("UPDATE ratings SET flags = 'x' WHERE id = 10", ["Rating 10 is not well formed"]),
    ("UPDATE ratings SET flags = '{}' WHERE id = 10", ["Rating 10 is not well formed: its flags are no list"]),
    ("UPDATE ratings SET attributes = '[1]' WHERE id = 10", ["Rating 10 is not well formed: The attributes have"]),
    ("UPDATE ratings SET submitted_at = 'noon' WHERE id = 10",
     ["Rating 10 is not well formed", "Counts and agreement could not be checked"]),
    ("UPDATE ratings SET active_ms = 'long' WHERE id = 10", ["Rating 10 is not well formed"]),
    ("UPDATE ratings SET scale = 'x' WHERE id = 10", ["Rating 10 is not well formed", "Counts and agreement could"]),
    ("UPDATE rounds SET config = 'x'", ["In rounds (number 0), config is no JSON"]),
    ("UPDATE rounds SET config = '[]'", ["In rounds (number 0), config has to hold names and values"]),
    ("UPDATE rounds SET gate = '{' WHERE number = 1", ["In rounds (number 1), gate is no JSON"]),
    ("UPDATE rounds SET gate = '[]' WHERE number = 1", ["In rounds (number 1), gate has to hold names"]),
    ("UPDATE policy_versions SET metrics = 'x'", ["In policy_versions (number 0), metrics is no JSON"]),
    ("UPDATE policy_versions SET folder = x'00'", ["Adapters could not be checked"]),
    ("INSERT INTO settings VALUES ('scale', 'thumbs')",
     ["In settings (name scale), value is no JSON", "The scale of this home is none that is known."]),
    ("INSERT INTO settings VALUES ('scale', '[1]')", ["The scale of this home is none that is known."]),
    ("UPDATE users SET name = x'414243ff' WHERE id = 1", ["User 1 is not well formed"]),
    ("UPDATE events SET data = '[1, 2]' WHERE what LIKE 'sealed%'", ["In events (id "]),
    ("UPDATE events SET data = 'x'", ["In events (id 1), data is no JSON"]),
    ("UPDATE leases SET shown_at = 'x', until = x'00'", []),
    ("DROP TABLE leases", ["Leases could not be checked: no such table: leases"]),
    ("UPDATE rounds SET created_at = 'x', updated_at = x'00'", []),
    ("UPDATE ratings SET comment = x'80' WHERE id = 1", ["Rating 1 is not well formed", "Rating 1 or its response"]),
    ("UPDATE ratings SET comment = CAST(x'80' AS TEXT) WHERE id = 1", ["Ratings could not be checked"]),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "told"), DAMAGE)
def test_damage_in_the_database_is_told(home, damage, told):
    with closing(sqlite3.connect(home / DATABASE)) as database:
        database.executescript(f"PRAGMA ignore_check_constraints = ON; {damage}")
    said = found(home)
    for sentence in told:
        assert any(one.startswith(sentence) for one in said), said
    assert all(one.endswith(".") for one in said)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "adapter_model.safetensors",
            b"other",
            "is damaged: adapter_model.safetensors was cut short or altered",
        ),
        ("state.json", None, "lacks its file state.json"),
        ("manifest.json", None, "has no manifest.json"),
        ("manifest.json", b"{", "damaged manifest"),
        ("manifest.json", b"[]", "damaged manifest"),
        ("manifest.json", b"{}", "not the one that was published"),
        ("", None, "The folder versions/0001 of version 1 is not there"),
    ],
)
def test_damage_in_an_adapter_is_told(home, name, content, told):
    folder = home / "versions" / "0001"
    if not name:
        folder.rename(home / "elsewhere")
    elif content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    (said,) = found(home)
    assert told in said


def test_a_number_that_is_shown_wrong_is_told(home, monkeypatch):
    real = agreement.krippendorff_alpha
    monkeypatch.setattr(agreement, "krippendorff_alpha", lambda rated: replace(real(rated), mean=0.99))
    assert any(
        re.match(r"Agreement \(alpha\) is given as .*; counted anew, it is", one) for one in found(home)
    )
    monkeypatch.setattr(agreement, "krippendorff_alpha", real)
    monkeypatch.setattr(Store, "count_ratings", lambda self: 3)
    assert found(home) == ["The store counts 3 current ratings; counted anew, it is 16."]


@pytest.mark.parametrize(
    ("asked", "changed", "told"),
    [
        (
            "coverage",
            lambda rows: [replace(row, wanted=9) for row in rows],
            "Of round 0, imported, 9 wanted are shown",
        ),
        (
            "coverage",
            lambda rows: rows[1:],
            "Of round 0, imported, unknown responses are shown; counted anew, it is 5",
        ),
        (
            "rater_stats",
            lambda rows: [replace(row, agreement=0.5) for row in rows],
            "is shown to agree with the others",
        ),
        (
            "round_progress",
            lambda row: replace(row, responses=99),
            "Round 1 shows 99 responses; counted anew, it is 9",
        ),
    ],
)
def test_coverage_and_agreement_that_are_shown_wrong_are_told(home, monkeypatch, asked, changed, told):
    real = getattr(Store, asked)
    monkeypatch.setattr(Store, asked, lambda self, *of: changed(real(self, *of)))
    assert any(told in one for one in found(home)), found(home)


DAMAGE_ANYWHERE = [
    ("UPDATE ratings SET score = 2 WHERE id = 1", "Rating 1 or its response was altered"),
    ("UPDATE ratings SET attributes = '[1]' WHERE id = 10", "Rating 10 is not well formed"),
    ("UPDATE prompts SET messages = '[]' WHERE id = 2", "Prompt 2 is not well formed"),
    ("UPDATE rounds SET config = '[]'", "In rounds (number 0), config has to hold names and values"),
    ("UPDATE events SET data = '[1, 2]'", "In events (id 1), data has to hold names and values"),
    ("DELETE FROM ratings WHERE id = 4", "Of the revisions of rater 1 on response 7 some are missing"),
    ("UPDATE policy_versions SET status = 'kept'", "Exactly one version has to be in use, and it is none."),
    ("DROP TABLE leases", "Leases could not be checked: "),
]


def test_either_database_is_what_it_says_until_it_is_damaged(backend, tmp_path):
    store = open_store(lived_in(tmp_path / "home"))
    assert list(verify(store)) == []
    with store.writing() as connection:
        for damage, _ in DAMAGE_ANYWHERE:
            connection.exec_driver_sql(damage)
    said = list(verify(store))
    for _, sentence in DAMAGE_ANYWHERE:
        assert any(one.startswith(sentence) for one in said), (sentence, said)
    store.close()


def told_in_the_docs() -> list[tuple[str, str]]:
    """(damage, sentence) of each row of the table in docs/maintenance.md."""
    text = (DOCS / "maintenance.md").read_text("utf-8")
    table = text.partition("| damage |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(.+)` \| (.+) \|$", table, re.MULTILINE)


@pytest.mark.parametrize(("damage", "sentence"), told_in_the_docs())
def test_the_docs_show_what_verify_says(home, damage, sentence):
    if damage.startswith("echo"):
        subprocess.run(damage, shell=True, cwd=home, check=True)
    else:
        with closing(sqlite3.connect(home / DATABASE)) as database:
            database.executescript(damage)
    done = CliRunner().invoke(app, ["verify", "--home", str(home)])
    assert (done.exit_code, sentence in done.stderr.splitlines()) == (1, True), done.stderr
    assert len(told_in_the_docs()) == 6


@pytest.mark.parametrize("seed", range(3))
def test_a_file_with_other_bytes_in_it_is_told_in_sentences(home, seed):
    """Nothing that stands in a file makes a traceback: a handful of other bytes, or a piece cut off."""
    found, random = home / DATABASE, Random(seed)
    data = found.read_bytes()
    for n in range(12):
        damaged = bytearray(data)
        if n % 6 == 0:
            del damaged[random.randrange(1, len(damaged)) :]
        for _ in range(random.choice((1, 5, 60))):
            size = random.choice((1, 8, 64))
            at = random.randrange(100, len(data) - size)
            damaged[at : at + size] = random.randbytes(size)
        for file in home.glob(f"{DATABASE}*"):
            file.unlink()
        found.write_bytes(damaged)
        done = CliRunner().invoke(app, ["verify", "--home", str(home)])
        assert done.exception is None or isinstance(done.exception, SystemExit), (n, done.exception)
        assert done.exit_code in (0, 1)


def test_a_definition_of_a_table_that_is_no_text_is_told(home):
    found = home / DATABASE
    found.write_bytes(found.read_bytes().replace(b"CREATE TABLE steps", b"CREATE TABLE ste\xaf\xff"))
    done = CliRunner().invoke(app, ["verify", "--home", str(home)])
    assert (done.exit_code, done.stderr) == (
        1,
        f"The database in {home} is damaged or no database at all: restore it from a backup.\n",
    )


def test_what_cannot_be_checked_stops_nothing_else(home):
    with closing(sqlite3.connect(home / DATABASE)) as database:
        database.executescript(
            "UPDATE prompts SET messages = x'ff'; UPDATE users SET name = x'ff'; DROP TABLE leases;"
            "UPDATE ratings SET active_ms = 'x'; UPDATE policy_versions SET status = 'kept';"
        )
    said = found(home)
    for what in ("Prompts", "Leases", "Counts and agreement"):
        assert sum(one.startswith(f"{what} could not be checked: ") for one in said) == 1, said
    assert "Exactly one version has to be in use, and it is none." in said
    done = CliRunner().invoke(app, ["verify", "--home", str(home)])
    assert (done.exit_code, done.exception.__class__) == (1, SystemExit)


def test_hashes_of_an_older_release_are_checked_as_they_were_made(home):
    """Those have no salt in them, and raters of then have none until their next hash."""
    store = Store.open(home)
    with store.writing() as connection:
        for row in connection.execute(hashed_rows_query()).all():
            said = [*row[:12]] if row[12] is None else [*row[:13]]
            line = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
            connection.exec_driver_sql(
                "UPDATE ratings SET sha256 = ? WHERE id = ?", (sha256(line.encode()).hexdigest(), row.id)
            )
        connection.exec_driver_sql("UPDATE users SET salt = NULL")
        connection.exec_driver_sql(
            "UPDATE rounds SET snapshot_sha256 = ? WHERE number = 1", (snapshot_digest(connection, 1),)
        )
    assert list(verify(store)) == []
    rate_next(store, store.user(1), 4)
    store.hash_ahead()
    with store.reading() as connection:
        assert [bool(salt) for (salt,) in connection.exec_driver_sql("SELECT salt FROM users ORDER BY id LIMIT 2")] == [
            True, False,
        ]  # fmt: skip
    assert list(verify(store)) == []
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE ratings SET score = 3 WHERE id = 1")
    assert any("Rating 1 or its response" in one for one in verify(store))
    store.close()


def test_the_command_says_each_thing_and_ends_with_an_error(home):
    with closing(sqlite3.connect(home / DATABASE)) as database:
        database.executescript(
            "UPDATE ratings SET score = 2 WHERE id = 1; UPDATE policy_versions SET status = 'kept'"
        )
    done = CliRunner().invoke(app, ["verify", "--home", str(home)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 3
    assert "2 things differ" in done.stderr


def test_much_of_a_kind_is_told_in_short(home):
    with closing(sqlite3.connect(home / DATABASE)) as database:
        rows = [(f"x{i}", "train") for i in range(50)]
        database.executemany(
            "INSERT INTO prompts (messages, sha256, tags, split, source, created_at) VALUES ('[]', ?, '[]', ?, '', 0)",
            rows,
        )
        database.commit()
    said = found(home)
    assert len(said) == 21
    assert said[-1] == "And 30 more of this kind."
