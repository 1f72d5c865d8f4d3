"""Exports of other tools, as their own documentation and code write them: see `everyday_files`."""

import json
from typing import Any

from tests.rater_data.importing.everyday_files import (
    ASKED,
    BAD,
    GOOD,
    SAID,
    WORTH,
    Everyday,
    as_csv,
    lines,
    parquet,
)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


# ---- Label Studio: labelstud.io/guide/task_format, tags/rating, tags/pairwise


def task(data: dict, *results: dict, **annotation: Any) -> dict:
    done = {
        "id": 1001,
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "lead_time": 4.288,
    }
    done |= {"created_at": "2021-03-09T22:16:08.728353Z", "completed_by": 10, "task": 1} | annotation
    return {"id": 1, "project": 83, "data": data, "annotations": [done], "predictions": []}


def stars(number: float, name: str = "rating") -> dict:
    return {"id": "Dx", "from_name": name, "to_name": "txt", "type": "rating", "value": {"rating": number}}


def chose(side: str, names: str = "answer1,answer2") -> dict:
    return {"id": "Dy", "from_name": "pw", "to_name": names, "type": "pairwise", "value": {"selected": side}}


COMMENT = {"from_name": "why", "to_name": "txt", "type": "textarea", "value": {"text": ["Nice."]}}
ONE = {"prompt": ASKED, "response": GOOD}
TWO = {"prompt": ASKED, "answer1": GOOD, "answer2": BAD}
ANN = {"id": 7, "email": "ann@example.org", "first_name": "Ann"}
FLAT = {
    "id": 1,
    "annotator": "ann@example.org",
    "annotation_id": 1001,
    "lead_time": 4.2,
    "created_at": "2021",
    "updated_at": "2021",
}
OF_ANN = [(SAID[0][0], GOOD, BAD, 1, "ann@example.org")]
TENTHS = {"score_range": (1.0, 10.0)}


def star_said(score: float, rater: str) -> list[tuple]:
    return [(SAID[0][0], GOOD, score, rater)]


LABEL_STUDIO = [
    Everyday("stars", "a.json", as_json([task(ONE, stars(5), COMMENT)]), star_said(10, "10")),
    Everyday(
        "stars of ten",
        "a.json",
        as_json([task(ONE, stars(8), completed_by=ANN)]),
        star_said(8, "ann@example.org"),
        TENTHS,
    ),
    Everyday(
        "more stars than said", "a.json", as_json([task(ONE, stars(8))]), error="say how many with --scores"
    ),
    Everyday(
        "two kinds of stars", "a.json", as_json([task(ONE, stars(5), stars(2, "tone"))]), star_said(10, "10")
    ),
    Everyday(
        "two kinds, neither the score",
        "a.json",
        as_json([task(ONE, stars(5, "fit"), stars(2, "tone"))]),
        error="stars fit, tone: say with --map rating=NAME",
    ),
    Everyday(
        "fields of other names",
        "a.json",
        as_json([task({"q": ASKED, "a": GOOD}, stars(1))]),
        star_said(1, "10"),
        {"columns": {"prompt": "q", "response": "a"}},
    ),
    Everyday(
        "cancelled",
        "a.json",
        as_json([task(ONE, stars(5)), task(ONE, stars(1), was_cancelled=True, completed_by=3)]),
        star_said(10, "10"),
    ),
    Everyday(
        "JSON_MIN",
        "a.json",
        as_json([{**ONE, **FLAT, "rating": [{"rating": 5}]}]),
        star_said(10, "ann@example.org"),
    ),
    Everyday(
        "CSV",
        "a.csv",
        as_csv([{**ONE, **FLAT, "rating": '[{"rating": 5}]'}]).encode(),
        star_said(10, "ann@example.org"),
    ),
    Everyday(
        "Pairwise", "a.json", as_json([task(TWO, chose("left"), completed_by=ANN)]), OF_ANN, {"scale": "pair"}
    ),
    Everyday(
        "Pairwise, right",
        "a.json",
        as_json([task(TWO, chose("right", "answer2,answer1"), completed_by=ANN)]),
        OF_ANN,
        {"scale": "pair"},
    ),
    Everyday(
        "Pairwise, worth",
        "a.json",
        as_json([task(TWO, chose("left"), completed_by=ANN)]),
        [(*said[:3], "ann@example.org") for said in SAID],
        WORTH,
    ),
    Everyday(
        "Pairwise in TSV",
        "a.tsv",
        as_csv([{**TWO, **FLAT, "pw": '[{"selected": "left"}]'}], "\t").encode(),
        OF_ANN,
        {"scale": "pair"},
    ),
    Everyday(
        "Pairwise without its texts",
        "a.json",
        as_json([task(ONE, chose("left"))]),
        error="the two texts of the pair are not there",
    ),
]

# ---- Argilla: records/_io of its version 2, and data that version 1 has on the hub

NESTED = {
    "id": "1",
    "status": "completed",
    "fields": {"prompt": ASKED, "response": GOOD},
    "metadata": {},
    "suggestions": {},
    "responses": {"quality": [{"value": 8, "user_id": "u-1"}, {"value": 3, "user_id": "u-2"}]},
    "vectors": {},
}
FLAT_RECORD = {
    "id": "1",
    "status": "completed",
    "_server_id": "x",
    "prompt": ASKED,
    "response": GOOD,
    "quality.responses": [8, 3, 1],
    "quality.responses.users": ["u-1", "u-2", "u-3"],
    "quality.responses.status": ["submitted", "submitted", "draft"],
    "quality.suggestion": 5,
}
OLD = {
    "prompt": ASKED,
    "response": GOOD,
    "quality": [
        {"user_id": "u-1", "value": 8, "status": "submitted"},
        {"user_id": "u-2", "value": 3, "status": "submitted"},
    ],
    "quality-suggestion": None,
    "metadata": "{}",
}
BY_TWO = [(SAID[0][0], GOOD, 8, "u-1"), (SAID[0][0], GOOD, 3, "u-2")]
ANSWERS = {"prompt": ASKED, "response_1": BAD, "response_2": GOOD}
RANKED = {
    "id": "1",
    "fields": ANSWERS,
    "suggestions": {},
    "responses": {"preference": [{"value": ["response_2", "response_1"], "user_id": "u-1"}]},
}
OLD_RANKS = [
    {
        "user_id": "u-1",
        "value": {"rank": [2, 1], "value": ["response_1", "response_2"]},
        "status": "submitted",
    }
]
RANKS = [(SAID[0][0], GOOD, BAD, 1, "u-1")]

ARGILLA = [
    Everyday("nested", "a.json", as_json([NESTED]), BY_TWO),
    Everyday("flat", "a.jsonl", lines([FLAT_RECORD]), BY_TWO),
    Everyday("flat, in Parquet", "a.parquet", parquet([FLAT_RECORD]), BY_TWO),
    Everyday("by names", "a.json", as_json({name: [value] for name, value in FLAT_RECORD.items()}), BY_TWO),
    Everyday("version 1", "a.parquet", parquet([OLD]), BY_TWO),
    Everyday("ranking", "a.json", as_json([RANKED]), RANKS, {"scale": "pair"}),
    Everyday(
        "ranking as scores",
        "a.json",
        as_json([RANKED]),
        [(SAID[0][0], GOOD, 10, "u-1"), (SAID[0][0], BAD, 1, "u-1")],
    ),
    Everyday(
        "ranking of version 1",
        "a.parquet",
        parquet([{**ANSWERS, "preference": OLD_RANKS}]),
        RANKS,
        {"scale": "pair"},
    ),
    Everyday(
        "two questions",
        "a.json",
        as_json([{**NESTED, "responses": {"tone": NESTED["responses"]["quality"], "fit": []}}]),
        BY_TWO,
    ),
    Everyday(
        "a ranking of nothing",
        "a.json",
        as_json([{**RANKED, "fields": ONE}]),
        error="'response_2', and there is no such",
    ),
]

# ---- Open WebUI: models/feedbacks and the export of its evaluations

CHAT = {
    "1": {"id": "1", "parentId": None, "childrenIds": ["2", "3"], "role": "user", "content": ASKED},
    "2": {
        "id": "2",
        "parentId": "1",
        "childrenIds": [],
        "role": "assistant",
        "content": GOOD,
        "model": "m-a",
    },
    "3": {"id": "3", "parentId": "1", "childrenIds": [], "role": "assistant", "content": BAD, "model": "m-b"},
}


def feedback(rating: Any, message: str = "2", **more: Any) -> dict:
    data = {
        "rating": rating,
        "model_id": "m-a",
        "sibling_model_ids": None,
        "reason": "",
        "comment": "",
        "tags": [],
    } | more
    chat = {
        "id": "",
        "title": "t",
        "models": ["m-a"],
        "params": {},
        "history": {"messages": CHAT, "currentId": "3"},
    }
    return {
        "id": "f",
        "user_id": "u-1",
        "version": 0,
        "type": "rating",
        "data": data,
        "meta": {"arena": True, "chat_id": "c", "message_id": message},
        "snapshot": {"chat": {"id": "c", "user_id": "u-1", "title": "t", "chat": chat}},
        "created_at": 1730000000,
        "updated_at": 1730000000,
    }


OPEN_WEBUI = [
    Everyday(
        "thumbs",
        "a.json",
        as_json([feedback(1), feedback("-1", "3")]),
        [(*said[:3], "u-1") for said in SAID],
        WORTH,
    ),
    Everyday(
        "marks",
        "a.json",
        as_json([feedback(1, details={"rating": 8}), feedback(-1, "3", details={"rating": 3})]),
        [(*said[:3], "u-1") for said in SAID],
    ),
    Everyday("arena", "a.json", as_json([feedback(1, sibling_model_ids=["m-b"])]), RANKS, {"scale": "pair"}),
    Everyday(
        "arena, lost",
        "a.json",
        as_json([feedback(-1, "3", model_id="m-b", sibling_model_ids=["m-a"])]),
        RANKS,
        {"scale": "pair"},
    ),
    Everyday("thumbs without a worth", "a.json", as_json([feedback(1)]), error="row 1: the score is a thumb"),
    Everyday("without its snapshot", "a.json", as_json([feedback(1, "9")]), error="is not in the snapshot"),
]
