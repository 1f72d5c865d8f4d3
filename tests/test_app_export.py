"""Exports over the web: the same bytes as from the command line, for operators, and nothing left behind."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

import httpx
import pyarrow.parquet as pq
import pytest

from app import exporting, inviting
from rater_data.exporting import export
from tests import fake_worker
from tests.app_helpers import Live, serving


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


@pytest.mark.parametrize(
    ("as_", "ending"), [("jsonl", "jsonl"), ("csv", "csv"), ("parquet", "parquet"), ("dataset", "zip")]
)
def test_the_same_bytes_as_from_the_command_line(live, operator, tmp_path, as_, ending) -> None:
    answer = operator.get("/api/export", params={"format": "ratings", "as": as_})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="rateloop-ratings-')
    assert answer.headers["content-disposition"].endswith(f'.{ending}"')
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["cache-control"] == "no-store"
    out = tmp_path / "rateloop"
    assert export(live.store, out, as_=as_) == 3
    if as_ == "dataset":
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
    found = operator.get("/api/export", params={"format": "preference", "as": "parquet"})
    assert pq.read_table(io.BytesIO(found.content)).column_names[:3] == ["prompt", "chosen", "rejected"]


@pytest.mark.parametrize(
    ("options", "status", "told"),
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
        ({"min_margin": 1}, 422, "--min-margin is for preference"),
        ({"ties": "maybe", "format": "preference"}, 422, "ties"),
        ({"out": "/etc/passwd"}, 422, "'out' is no option"),
        ({"format": "helpsteer"}, 422, "nothing to export"),
    ],
)
def test_bad_options_are_a_sentence(live: Live, operator: httpx.Client, options, status, told) -> None:
    answer = operator.get("/api/export", params=options)
    assert answer.status_code == status
    assert told in answer.json()["error"]
    assert left(live) == []


def test_only_operators(live: Live) -> None:
    with live.client(live.store.add_user("bob", "rater")) as bob, live.client() as nobody:
        assert bob.get("/api/export").status_code == 403
        assert nobody.get("/api/export").status_code == 401
        assert nobody.get("/api/export", params={"format": "xml"}).status_code == 401
    token = inviting.token(live.store, "op", "script", role="operator")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=live.url, headers=headers) as script:
        assert script.get("/api/export").status_code == 200
        assert "/api/export" in script.get("/api/openapi.json").json()["paths"]


def test_one_at_a_time(live: Live, operator: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[httpx.Response] = []
    real = exporting.written

    def slow(*wanted: object) -> object:
        if not answers:
            with live.client(live.store.add_user("op two", "operator")) as other:
                answers.append(other.get("/api/export"))
        return real(*wanted)

    monkeypatch.setattr(exporting, "PATIENCE", 0.01)
    monkeypatch.setattr(exporting, "written", slow)
    assert operator.get("/api/export").status_code == 200
    assert answers[0].status_code == 409
    assert "Another export" in answers[0].json()["error"]
    assert operator.get("/api/export").status_code == 200


def test_a_connection_that_breaks_off_leaves_nothing(live: Live, operator: httpx.Client) -> None:
    with operator.stream("GET", "/api/export") as answer:
        assert answer.status_code == 200
        assert left(live) == []
