"""The states of a round: the table, and that nothing goes round it."""

import ast
from pathlib import Path

import pytest

from rater_data.errors import BadInput, Refused
from rater_data.importing.import_files import import_file
from rater_data.importing.options import ImportOptions
from rater_data.lifecycle import ROUND_STATES, next_states
from rater_data.store.database import schema as t
from rater_data.store.rounds.round_states import move_round, move_rounds_that_may
from tests.paths import ROOT
from tests.rater_data.store_world import make_world, open_store, publish, rate_next, start_round

WRITER = "rater_data/store/rounds/round_states.py"


def writes_rounds(source: str) -> list[int]:
    """Lines that build an INSERT, UPDATE or DELETE of the table of rounds."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr in ("insert", "update", "delete")
        and ast.unparse(node.value).split(".")[-1] == "rounds"
    ]


def test_only_one_module_writes_the_table_of_rounds():
    files = [file for package in ("rater_data", "ppo", "app") for file in (ROOT / package).rglob("*.py")]
    found = {
        file.relative_to(ROOT).as_posix()
        for file in files
        if "migrations" not in file.parts and writes_rounds(Path(file).read_text(encoding="utf-8"))
    }
    assert found == {WRITER}


def test_a_module_that_went_round_it_would_be_seen():
    assert writes_rounds("connection.execute(t.rounds.update().values(state='failed'))")
    assert writes_rounds("schema.rounds.insert()")
    assert not writes_rounds("t.jobs.update()")


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "home")
    yield made
    made.store.close()


@pytest.mark.parametrize("state", ROUND_STATES)
@pytest.mark.parametrize("start", ROUND_STATES)
def test_a_step_is_taken_if_the_table_has_it_and_refused_if_not(world, start, state):
    store = world.store
    with store.writing() as connection:
        connection.execute(t.rounds.update().values(state=start))
    if state in next_states(start):
        with store.writing() as connection:
            move_round(connection, store.round(1), state, 1.0)
        assert (store.round(1).state, store.round(1).updated_at) == (state, 1.0)
    else:
        with pytest.raises(Refused, match=f"is {start}"), store.writing() as connection:
            move_round(connection, store.round(1), state, 1.0)
        assert store.round(1).state == start


def test_of_many_rounds_those_move_that_may(world):
    store = world.store
    rate_next(store, world.rater, 4)
    publish(store)
    start_round(store, 2, 2)
    with store.writing() as connection:
        move_rounds_that_may(connection, t.rounds.c.number > 0, "failed", 1.0, decision="Stopped.")
    assert [r.state for r in store.rounds()] == ["published", store.round(2).state]
    with store.writing() as connection:
        move_rounds_that_may(connection, t.rounds.c.number > 0, "rolled_back", 1.0)
    assert {r.state for r in store.rounds()} == {"rolled_back"}


def test_a_training_that_is_cancelled_before_it_began_fails_its_round_without_having_trained(world):
    store = world.store
    rate_next(store, world.rater, 4)
    job = store.start_training(1, "Olga")
    store.cancel(job.id, "Olga")
    assert store.round(1).state == "failed"
    assert store.start_training(1, "Olga").state == "queued"


def test_round_0_has_a_step_of_its_own_and_no_other(tmp_path):
    store = open_store(tmp_path / "home")
    file = tmp_path / "answers.jsonl"
    file.write_text('{"prompt": "p", "response": "r"}\n')
    import_file(store, file, ImportOptions(kind="responses"))
    assert store.round(0).state == "published"
    for state in ("rolled_back", "sealed"):
        with pytest.raises(Refused, match="goes to rating"):
            store.set_round_state(0, state)
    for _ in range(2):  # offered already: nothing to do
        import_file(store, file, ImportOptions(kind="responses", offer=True))
        assert store.round(0).state == "rating"
    with pytest.raises(Refused, match="goes to nowhere"):
        store.set_round_state(0, "failed")
    store.close()


def test_no_such_state():
    with pytest.raises(BadInput):
        next_states("lost")
