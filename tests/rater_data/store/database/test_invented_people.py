"""Homes of schema 0004, in which imports gave a person's further comparisons to somebody whom they invented.

`golden/invented_0004.sql` was written by that release: three annotators whose files left nine people behind; two people
of a file who are really called "Bo" and "Bo (2)"; Cid, who compared the same two on two cards, twice with another
answer, and a colleague who was invited as "Cid (2)". All but the last rating are sealed with round 1.
"""

import contextlib
import json
import shutil
import sqlite3

import krippendorff
import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command

from rater_data.importing.import_files import import_file
from rater_data.importing.options import ImportOptions
from rater_data.statistics import agreement
from rater_data.store import DATABASE, Store
from rater_data.store.database import migrate as migrating
from rater_data.store.database.engine import Database
from rater_data.verify.home import verify
from tests.paths import GOLDEN

FROZEN = GOLDEN / "invented_0004.sql"
OF_FILES = ("a1", "a2", "Bea")
REAL = ["a1", "a2", "Bea", "Bo", "Bo (2)", "Cid", "Cid (2)"]


@pytest.fixture(scope="module")
def frozen():
    """The home as the earlier release left it, to be read."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript(FROZEN.read_text("utf-8"))
        database.row_factory = sqlite3.Row
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request, tmp_path, frozen):
    """Opens the home with this release, on either kind of database, after some statements of SQL."""
    with contextlib.ExitStack() as stack:

        def open_home(*statements):
            address = None
            if request.param == "sqlite":
                with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as database:
                    database.executescript(FROZEN.read_text("utf-8") + ";\n".join(["", *statements, ""]))
            else:
                server = request.getfixturevalue("server")
                address = server.new(empty=True)
                stack.callback(server.drop, address)
                write_to_server(address, tmp_path, frozen, statements)
            store = Store.open(tmp_path, address)
            stack.callback(store.close)
            return store

        yield open_home


def write_to_server(address, home, frozen, statements):
    """The frozen home's rows in a server's database of its schema."""
    with contextlib.closing(Database(home, sa.make_url(address.replace("sql:", "sql+psycopg:")))) as database:
        with database.writing() as connection:
            config = migrating._config(migrating.SCRIPTS)
            config.attributes["connection"] = connection
            command.upgrade(config, "0004")
        with database.writing() as connection:
            there = sa.MetaData()
            there.reflect(connection)
            for table in there.sorted_tables:
                if table.name == "alembic_version":
                    continue
                rows = [
                    {c.name: value_for(c, row[c.name]) for c in table.c}
                    for row in frozen.execute(f"SELECT * FROM {table.name}")
                ]
                if rows:
                    connection.execute(table.insert(), rows)
                if table.name in (
                    "users",
                    "links",
                    "ratings",
                    "events",
                ):  # ids were given by hand, as in a copy
                    last = f"setval(pg_get_serial_sequence('{table.name}', 'id'), max(id))"
                    connection.exec_driver_sql(f"SELECT {last} FROM {table.name}")
            for statement in statements:
                connection.exec_driver_sql(statement)


def value_for(column, value):
    if isinstance(column.type, sa.JSON):
        return sa.null() if value is None else json.loads(value)
    return bool(value) if isinstance(column.type, sa.Boolean) and value is not None else value


def raw_answers(frozen):
    """What everybody said of two texts, once for each person, the latest: {(person, two texts): who is better}."""
    rows = frozen.execute(
        "SELECT u.name, r.text AS one, o.text AS other, g.score FROM ratings g JOIN users u ON u.id = g.rater_id"
        " JOIN responses r ON r.id = g.response_id JOIN responses o ON o.id = g.other_id"
        " JOIN prompts p ON p.id = r.prompt_id ORDER BY g.submitted_at, g.id"
    )
    prompts = frozen.execute(
        "SELECT p.messages FROM ratings g JOIN responses r ON r.id = g.response_id"
        " JOIN prompts p ON p.id = r.prompt_id ORDER BY g.submitted_at, g.id"
    )
    answers = {}
    for row, (prompt,) in zip(rows, prompts, strict=True):
        name = row["name"].split(" (")[0] if row["name"].startswith(OF_FILES) else row["name"]
        low, high = sorted((row["one"], row["other"]))
        answers[name, prompt, low, high] = row["score"] if low == row["one"] else -row["score"]
    return answers


def test_invented_people_become_who_they_are(opened, frozen, tmp_path):
    store, answers = opened(), raw_answers(frozen)
    assert sorted(user.name for user in store.users()) == sorted(REAL)
    assert list(verify(store)) == []
    counts = {one.user.name: one.ratings for one in store.rater_stats()}
    assert counts == {name: sum(key[0] == name for key in answers) for name in REAL}
    assert store.count_ratings() == len(answers)
    assert store.count_ratings(current=False) == 77
    joined = [event for event in store.events() if event.what.startswith("joined a person")]
    assert (
        sum(event.data["ratings"] for event in joined)
        == frozen.execute(
            "SELECT count(*) FROM ratings g JOIN users u ON u.id = g.rater_id WHERE u.name LIKE '% (%)'"
            " AND u.name NOT LIKE 'Bo%' AND u.name NOT LIKE 'Cid%'"
        ).fetchone()[0]
    )
    found = agreement.krippendorff_alpha(store.counted_ratings())
    assert found.mean == pytest.approx(alpha_of(answers), abs=5e-4)
    assert found.n == sum(n > 1 for n in np.unique([hash(key[1:]) for key in answers], return_counts=True)[1])
    # the files that it came from bring nothing new
    rows = [
        {"prompt": json.loads(prompt), "chosen": low, "rejected": high, "rater": name}
        if answer < 0
        else {"prompt": json.loads(prompt), "chosen": high, "rejected": low, "rater": name}
        for (name, prompt, low, high), answer in answers.items()
        if name in OF_FILES
    ]
    (tmp_path / "again.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    stored = import_file(store, tmp_path / "again.jsonl", ImportOptions(kind="ratings")).stored
    assert (stored.ratings, stored.raters, stored.existing, stored.differing) == (0, 0, len(rows), 0)


def alpha_of(answers):
    """Krippendorff's alpha of what people said of two texts, each comparison seen from both sides."""
    people = sorted({key[0] for key in answers})
    pairs = sorted({key[1:] for key in answers})
    table = np.full((len(people), len(pairs)), np.nan)
    for (name, *pair), answer in answers.items():
        table[people.index(name), pairs.index(tuple(pair))] = answer
    return krippendorff.alpha(np.hstack([table, 0 - table]), level_of_measurement="interval")


def test_of_two_answers_on_the_same_two_the_later_holds(opened, frozen):
    # the queue had just dealt a pair from the other side
    store = opened(
        "INSERT INTO leases (rater_id, response_id, other_id, shown_at, until)"
        " SELECT rater_id, other_id, response_id, 1, 4102444800 FROM ratings WHERE id = 76"
    )
    cid = store.user_by_name("Cid")
    assert list(verify(store)) == []
    with store.reading() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM leases")) == 0
    answers = raw_answers(frozen)
    assert len([r for r in store.rated() if r.rating.rater_id == cid.id]) == 3
    for rated in (r for r in store.rated() if r.rating.rater_id == cid.id):
        rating = rated.rating
        texts = (rated.response.text, store.response(rating.other_id).text)
        low, high = sorted(texts)
        (answer,) = (v for (name, _, *both), v in answers.items() if (name, both) == ("Cid", [low, high]))
        assert rating.score == (answer if texts[0] == low else -answer)
    assert sorted(r.rating.revision for r in store.rated() if r.rating.rater_id == cid.id) == [1, 2, 2]


ALTERED = "UPDATE ratings SET comment = 'x' WHERE id = (SELECT min(id) FROM ratings WHERE rater_id = {})"
TOLD = {
    "their own, altered": (
        ALTERED.format("(SELECT id FROM users WHERE name = 'a2 (2)')"),
        ["was altered"],
        ["a2 (2)", "a2 (3)"],
    ),
    "of somebody else, altered": (
        ALTERED.format("(SELECT id FROM users WHERE name = 'Cid')"),
        ["was altered"],
        [],
    ),
    "the seal": (
        "UPDATE rounds SET snapshot_sha256 = 'abc' WHERE number = 1",
        ["frozen ratings of round 1 are not those"],
        [],
    ),
    "kept out": ("UPDATE users SET excluded = true WHERE name = 'a1 (3)'", [], ["a1 (3)"]),
    "invited": (
        "INSERT INTO links (user_id, secret_sha256, once, created_at, expires_at)"
        " SELECT id, 'x', false, 1, 2 FROM users WHERE name = 'Bea (2)'",
        [],
        ["Bea (2)", "Bea (3)"],
    ),
    "their name is gone": (
        "UPDATE users SET name = pseudonym, name_key = pseudonym WHERE name = 'a1'",
        [],
        ["a1 (2)", "a1 (3)"],
    ),
}


@pytest.mark.parametrize("what", TOLD)
def test_what_cannot_be_told_stays(opened, what):
    """And what was altered before is still told of afterwards."""
    statement, told, stay = TOLD[what]
    store = opened(statement)
    numbered = {user.name for user in store.users() if user.name.endswith(")")}
    assert numbered == {"Bo (2)", "Cid (2)", *stay}
    said = list(verify(store))
    assert len(said) == len(told)
    assert all(part in sentence for part, sentence in zip(told, said, strict=True))


def test_two_of_one_file_who_compared_the_same_are_two(opened):
    """Everything that "Dee (2)" said begins with what "Dee" has begun with; but an import never said the same twice."""
    people = [
        "INSERT INTO users (name, name_key, pseudonym, role, active, excluded, created_at)"
        f" VALUES ('{name}', '{name.lower()}', 'r-{name.lower()}', 'rater', true, false, 1)"
        for name in ("Dee", "Dee (2)")
    ]
    place = "(SELECT id FROM responses WHERE prompt_id = 1 ORDER BY id LIMIT 1 OFFSET {})"
    ratings = [
        "INSERT INTO ratings (response_id, other_id, rater_id, score, verdict, shown_at, submitted_at, given_at,"
        " active_ms, position, guideline_version, scale, revision, is_current, key, comment, flags, attributes)"
        f" SELECT r.id, {place.format(other)}, u.id, 1, 'rated', 9, 9, 9, 0, 1, 1, 'pair', 1, true,"
        " 'import:' || r.id || ':1', '', '[]', '{}' FROM users u, responses r"
        f" WHERE substr(u.name, 1, 3) = 'Dee' AND r.id = {place.format(first)}"
        for first, other in ((0, 1), (1, 2), (2, 0))
    ]
    store = opened(*people, *ratings)
    assert [(one.user.name, one.ratings) for one in store.rater_stats()][-2:] == [("Dee", 3), ("Dee (2)", 3)]
    assert list(verify(store)) == []


def test_people_without_a_salt_and_hashes_of_before_there_were_any(opened):
    """As homes have them that were sealed by the first releases: their hashes are of less, and stay so."""
    import hashlib

    with contextlib.closing(sqlite3.connect(":memory:")) as old:
        old.executescript(FROZEN.read_text("utf-8"))
        rows = old.execute(
            "SELECT g.id, g.rater_id, g.score, g.verdict, g.scale, g.revision, r.id, r.version_number, r.stratum,"
            " r.text, p.sha256, p.split, g.other_id FROM ratings g JOIN responses r ON r.id = g.response_id"
            " JOIN prompts p ON p.id = r.prompt_id WHERE g.sha256 IS NOT NULL ORDER BY g.id"
        ).fetchall()
    hashes = {
        row[0]: hashlib.sha256(
            json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
        ).hexdigest()
        for row in rows
    }
    seal = hashlib.sha256("".join(f"{one}\n" for one in hashes.values()).encode()).hexdigest()
    store = opened(
        "UPDATE users SET salt = NULL",
        *(f"UPDATE ratings SET sha256 = '{one}' WHERE id = {number}" for number, one in hashes.items()),
        f"UPDATE rounds SET snapshot_sha256 = '{seal}' WHERE number = 1",
    )
    assert sorted(user.name for user in store.users()) == sorted(REAL)
    assert list(verify(store)) == []
    assert store.round(1).snapshot_sha256 != seal


def test_the_copy_of_before_is_kept(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        database.executescript(FROZEN.read_text("utf-8"))
    Store.open(tmp_path).close()
    copy = shutil.copyfile(tmp_path / f"{DATABASE}.before-0004", tmp_path / "copy.db")
    with contextlib.closing(sqlite3.connect(copy)) as database:
        names = {name for (name,) in database.execute("SELECT name FROM users")}
    assert {"a1 (2)", "a1 (3)"} <= names
