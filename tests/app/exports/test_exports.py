"""Exports over the web: the same bytes as from the command line, for operators, and nothing left behind."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import fields

import httpx
import pyarrow.parquet as pq
import pytest

from app.access import accounts
from app.console.panels import export_panel
from app.exports import pending_exports, routes
from rater_data.errors import Missing, Refused
from rater_data.exporting.export import export
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.options import EXPORT_OPTIONS
from rater_data.exporting.formats.table import EXPORT_FORMATS, formats_with
from tests import fake_worker
from tests.app.helpers import PATIENCE, Live, serving, wait_until


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("home")
    (home / ".export-left").mkdir()
    (home / ".export-left" / "rateloop").write_text("of a server that was killed")
    with serving(home) as server:
        fake_worker.generate(server.store, {"overlap": 100})
        ann = server.store.add_user("ann", "rater")
        with server.client(ann) as client:
            card = client.get("/api/card").json()["card"]
            for score in (3, 8, 5):
                body = {"response_id": card["response_id"], "score": score, "key": f"decision-{score}"}
                card = client.post("/api/rate", json=body | {"comment": "=1+1\n"}).json()["card"]
        yield server


@pytest.fixture(scope="module")
def operator(live: Live) -> Iterator[httpx.Client]:
    with live.client(live.store.add_user("op", "operator")) as client:
        yield client


def left(live: Live) -> list[str]:
    return [path.name for path in live.settings.home.glob(".export*")]


def test_what_a_killed_server_left_is_removed(live: Live) -> None:
    assert left(live) == []


def ready(client: httpx.Client, begun: httpx.Response) -> dict:
    """What is told of an export once it is made, with where it is."""
    assert begun.status_code == 200, begun.text
    place = f"/api/exports/{begun.json()['export']}"
    states: list[dict] = [{"state": "writing"}]

    def done() -> bool:
        states.append(client.get(place).json())
        return states[-1]["state"] != "writing"

    wait_until(done, "the export")
    return states[-1] | {"place": place}


@pytest.mark.parametrize(
    ("file_type", "ending"), [("jsonl", "jsonl"), ("csv", "csv"), ("parquet", "parquet"), ("dataset", "zip")]
)
def test_the_same_bytes_as_from_the_command_line(live, operator, tmp_path, file_type, ending) -> None:
    answer = operator.get("/api/export", params={"format": "ratings", "as": file_type})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="rateloop-ratings-')
    assert answer.headers["content-disposition"].endswith(f'.{ending}"')
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["cache-control"] == "no-store"
    out = tmp_path / "rateloop"
    assert export(live.store, out, file_type=file_type) == 3
    if file_type == "dataset":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            names = {str(path.relative_to(tmp_path)) for path in out.rglob("*") if path.is_file()}
            assert set(archive.namelist()) == names
            assert all(archive.read(name) == (tmp_path / name).read_bytes() for name in names)
    else:
        assert answer.content == out.read_bytes()
    assert "ann" not in answer.text.split()
    assert left(live) == []
    assert live.store.events()[0].what == "exported"


def test_options_are_the_command_lines(live: Live, operator: httpx.Client) -> None:
    def rows(**options: object) -> list[dict]:
        answer = operator.get("/api/export", params=options)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    assert {row["label"] for row in rows(format="unpaired", threshold=8)} == {True, False}
    assert all(row["margin"] >= 4 for row in rows(format="preference", min_margin=4, same_rater="true"))
    assert isinstance(rows(format="preference", conversational=1)[0]["prompt"], list)
    assert len(rows(round=1, split="", since="2020-01-01")) == 3
    answer = operator.get("/api/export", params={"format": "preference", "as": "parquet"})
    assert pq.read_table(io.BytesIO(answer.content)).column_names[:3] == ["prompt", "chosen", "rejected"]


@pytest.mark.parametrize(
    ("options", "status", "expected"),
    [
        ({"format": "xml"}, 422, "xml"),
        ({"as": "xls"}, 422, "xls"),
        ({"split": "test"}, 422, "test"),
        ({"round": "one"}, 422, "round"),
        ({"round": -1}, 422, "-1"),
        ({"round": 9}, 404, "no round 9"),
        ({"round": 2**70}, 422, "round"),
        ({"since": "yesterday"}, 422, "2026-01-31"),
        ({"since": "0001-01-01"}, 422, "between"),
        ({"since": "2999-01-01"}, 422, "nothing to export"),
        ({"min_margin": "nan", "format": "preference"}, 422, "finite"),
        (
            {"min_margin": 1},
            422,
            "“Smallest margin” (min_margin) is for “Pairs: prompt, chosen, rejected”, not for",
        ),
        ({"ties": 1}, 422, "“Ties too” (ties) is for “Pairs"),
        ({"threshold": 1, "format": "helpsteer"}, 422, "“Good from this score”"),
        (
            {"ties": 1, "min_margin": 2, "format": "preference"},
            422,
            "leave “Ties too” or “Smallest margin” out",
        ),
        ({"ties": "maybe", "format": "preference"}, 422, "ties"),
        ({"out": "/etc/passwd"}, 422, "'out' is no option"),
        ({"format": "helpsteer"}, 422, "nothing to export"),
    ],
)
def test_bad_options_are_a_sentence(live: Live, operator: httpx.Client, options, status, expected) -> None:
    answer = operator.get("/api/export", params=options)
    assert answer.status_code == status
    assert expected in answer.json()["error"]
    assert "--" not in answer.json()["error"], "who ticks a box has typed no flag"
    assert left(live) == []
    begun = operator.post("/api/exports", params=options)
    if begun.status_code == 200:  # what only the database knows is told where one asks how far it is
        begun = ready(operator, begun)
        assert begun["state"] == "failed"
        assert expected in begun["error"]
    else:
        assert (begun.status_code, begun.json()) == (status, answer.json())
    assert left(live) == []


def test_only_operators(live: Live) -> None:
    with live.client(live.store.add_user("bob", "rater")) as bob, live.client() as nobody:
        assert bob.get("/api/export").status_code == 403
        assert nobody.get("/api/export").status_code == 401
        assert nobody.get("/api/export", params={"format": "xml"}).status_code == 401
    token = accounts.create_token(live.store, "op", "script", role="operator")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=live.url, headers=headers, timeout=PATIENCE) as script:
        assert script.get("/api/export").status_code == 200
        assert "/api/export" in script.get("/api/openapi.json").json()["paths"]


def test_one_at_a_time(live: Live, operator: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[httpx.Response] = []
    real = routes.write_export_file

    def slow(*wanted: object) -> object:
        if not answers:
            with live.client(live.store.add_user("op two", "operator")) as other:
                answers.append(other.get("/api/export"))
        return real(*wanted)

    monkeypatch.setattr(routes, "LOCK_TIMEOUT", 0.01)
    monkeypatch.setattr(routes, "write_export_file", slow)
    assert operator.get("/api/export").status_code == 200
    assert answers[0].status_code == 409
    assert "Another export" in answers[0].json()["error"]
    assert operator.get("/api/export").status_code == 200


def test_a_connection_that_breaks_off_leaves_nothing(live: Live, operator: httpx.Client) -> None:
    with operator.stream("GET", "/api/export") as answer:
        assert answer.status_code == 200
        assert left(live) == []


# ---- made ready, with its progress, and fetched once


@pytest.mark.parametrize("file_type", ["jsonl", "dataset"])
def test_an_export_is_made_ready_and_fetched_once(live: Live, operator: httpx.Client, file_type: str) -> None:
    at_once = operator.get("/api/export", params={"as": file_type})
    made = ready(operator, operator.post("/api/exports", params={"as": file_type, "round": 1, "split": ""}))
    assert (made["state"], made["rows"], made["of"], made["error"]) == ("ready", 3, 3, "")
    assert left(live) == [], "it has no name any more"
    answer = operator.get(f"{made['place']}/file")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == at_once.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    assert made["name"] in answer.headers["content-disposition"]
    assert file_type == "dataset" or answer.content == at_once.content
    for path in (made["place"], f"{made['place']}/file"):
        again = operator.get(path)
        assert (again.status_code, "make it again" in again.json()["error"]) == (404, True)
    assert live.store.events()[0].what == "exported"


def test_progress_is_told_while_it_is_written(live: Live, operator: httpx.Client, monkeypatch) -> None:
    real, go_on, half = routes.write_export_file, threading.Event(), threading.Event()

    def slow(store: object, wish: object, counted: Callable) -> object:
        def waiting(rows: Iterator, total: int | None) -> Iterator:
            yield from counted(rows, total)
            half.set()
            assert go_on.wait(30)

        return real(store, wish, waiting)

    monkeypatch.setattr(routes, "write_export_file", slow)
    begun = operator.post("/api/exports")
    place = f"/api/exports/{begun.json()['export']}"
    assert half.wait(30)
    progress = operator.get(place).json()
    assert (progress["state"], progress["rows"], progress["of"]) == ("writing", 3, 3)
    early = operator.get(f"{place}/file")
    assert (early.status_code, "still being written" in early.json()["error"]) == (409, True)
    assert operator.get("/api/round").status_code == 200, "the server goes on"
    go_on.set()
    assert ready(operator, begun)["state"] == "ready"
    assert operator.get(f"{place}/file").status_code == 200


def test_an_export_is_for_who_asked_for_it(live: Live, operator: httpx.Client) -> None:
    made = ready(operator, operator.post("/api/exports"))
    with (
        live.client(live.store.add_user("op three", "operator")) as other,
        live.client(live.store.add_user("cleo", "rater")) as rater,
        live.client() as nobody,
    ):
        for path in (made["place"], f"{made['place']}/file"):
            assert [who.get(path).status_code for who in (other, rater, nobody)] == [404, 403, 401]
        assert [who.post("/api/exports").status_code for who in (rater, nobody)] == [403, 401]
        crossed = operator.post("/api/exports", headers={"Origin": "https://elsewhere.example"})
        assert crossed.status_code == 403
    assert operator.get(f"{made['place']}/file").status_code == 200


def test_what_nobody_fetches_goes(live: Live, operator: httpx.Client, monkeypatch) -> None:
    most = pending_exports.MAX_PER_OPERATOR
    places = [ready(operator, operator.post("/api/exports"))["place"] for _ in range(most + 1)]
    assert [operator.get(place).status_code for place in places] == [404] + [200] * most
    assert operator.get(f"{places[1]}/file").status_code == 200
    monkeypatch.setattr(pending_exports, "FILE_TTL", 0.0)
    assert operator.get(f"{places[2]}/file").status_code == 404
    monkeypatch.undo()
    assert all(operator.get(place).status_code == 404 for place in places)
    assert ready(operator, operator.post("/api/exports"))["state"] == "ready"


def test_nobody_has_many_made_at_a_time() -> None:
    pending, go_on = pending_exports.PendingExports(), threading.Event()

    def make(export: pending_exports.Export) -> io.BytesIO:
        assert go_on.wait(30)
        return io.BytesIO(b"made")

    def begin() -> str:
        return pending.start(pending_exports.Export(1, "a", "b"), make)

    secrets = [begin() for _ in range(pending_exports.MAX_PER_OPERATOR)]
    with pytest.raises(Refused, match="are being made"):
        begin()
    go_on.set()
    wait_until(lambda: all(pending.get(secret, 1).file for secret in secrets), "the exports")
    begin()
    with pytest.raises(Missing):
        pending.pop(secrets[0], 1)
    assert pending.pop(secrets[1], 1).file.read() == b"made"


def test_the_form_asks_for_every_option_there_is() -> None:
    text = export_panel.export_form()
    form_fields = set(re.findall(r'name="([a-z_]+)"', text))
    assert form_fields == {"as", "round", *(f.name for f in fields(ExportRequest))} - {
        "file_type",
        "round_number",
    }
    for name in EXPORT_OPTIONS:
        field = re.search(rf'<label([^>]*)>(?:<span>[^<]*</span>)?<input [^>]*name="{name}"', text)
        assert field is not None, name
        assert formats_with(name) == tuple(re.findall(r"[\w-]+", field[1].partition("data-for=")[2]))
    assert re.findall(r'<option value="([^"]+)">', text)[: len(EXPORT_FORMATS)] == list(EXPORT_FORMATS)


def test_what_was_not_fetched_is_let_go_at_the_end() -> None:
    pending, go_on = pending_exports.PendingExports(), threading.Event()
    early, late = io.BytesIO(b"made"), io.BytesIO(b"late")
    ready = pending.start(pending_exports.Export(1, "a", "b"), lambda _export: early)
    wait_until(lambda: pending.get(ready, 1).file, "the first export")

    def wait(_export: pending_exports.Export) -> io.BytesIO:
        go_on.wait(30)
        return late

    pending.start(pending_exports.Export(1, "a", "b"), wait)
    pending.close()
    go_on.set()
    assert early.closed
    wait_until(lambda: late.closed, "the one that was being written")
    with pytest.raises(Missing):
        pending.get(ready, 1)
