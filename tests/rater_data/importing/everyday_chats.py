"""Chats, in the cells of tables and as they are: see `everyday_files`."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from tests.rater_data.importing.everyday_files import (
    ASKED,
    BAD,
    GOOD,
    ROWS,
    SAID,
    UNNAMED,
    USER,
    WORTH,
    Everyday,
    as_csv,
    lines,
    parquet,
    with_chats,
    workbook,
)


def numpy_chat(role: str, text: str) -> str:
    return str(
        np.array([{"role": "system", "content": "Be brief."}, {"role": role, "content": text}], dtype=object)
    )


BRIEF = [(f"system: Be brief. | {said[0]}", *said[1:]) for said in SAID]


def pair_row(chat: Callable[[list], Any]) -> dict:
    return {
        name: chat([USER, {"role": "assistant", "content": text}])
        for name, text in (("chosen", GOOD), ("rejected", BAD))
    }


CHATS_IN_CELLS = [
    Everyday(
        "JSON", "a.csv", as_csv(with_chats(lambda r, t: json.dumps([{"role": r, "content": t}]))).encode()
    ),
    Everyday(
        "JSON, one more key",
        "a.csv",
        as_csv(with_chats(lambda r, t: json.dumps([{"role": r, "content": t, "name": "x"}]))).encode(),
    ),
    Everyday("Python", "a.csv", as_csv(with_chats(lambda r, t: str([{"role": r, "content": t}]))).encode()),
    Everyday(
        "Python, None in it",
        "a.csv",
        as_csv(with_chats(lambda r, t: str([{"role": r, "content": t, "tool_calls": None}]))).encode(),
    ),
    Everyday("numpy", "a.csv", as_csv(with_chats(numpy_chat)).encode(), BRIEF),
    Everyday(
        "numpy's repr",
        "a.csv",
        as_csv(with_chats(lambda r, t: repr(np.array([{"role": r, "content": t}], dtype=object)))).encode(),
    ),
    Everyday(
        "pandas of Parquet",
        "a.csv",
        pd.read_parquet(io.BytesIO(parquet(with_chats(lambda r, t: [{"role": r, "content": t}]))))
        .to_csv(index=False)
        .encode(),
    ),
    Everyday(
        "ShareGPT", "a.csv", as_csv(with_chats(lambda r, t: str([{"from": "human", "value": t}]))).encode()
    ),
    Everyday(
        "in a workbook",
        "a.xlsx",
        workbook(
            [
                list(ROWS[0]),
                *(list(row.values()) for row in with_chats(lambda r, t: str([{"role": r, "content": t}]))),
            ]
        ),
    ),
    Everyday("preferences, Python", "a.csv", as_csv([pair_row(str)]).encode(), UNNAMED, WORTH),
    Everyday(
        "preferences, numpy",
        "a.csv",
        as_csv([pair_row(lambda turns: str(np.array(turns, dtype=object)))]).encode(),
        UNNAMED,
        WORTH,
    ),
    Everyday(
        "answers as one message",
        "a.csv",
        as_csv(
            [{**row, "response": str({"role": "assistant", "content": row["response"]})} for row in ROWS]
        ).encode(),
    ),
    Everyday(
        "cut",
        "a.csv",
        as_csv(with_chats(lambda r, t: str([{"role": r, "content": t}])[:-5])).encode(),
        error="line 2: a cell looks like a chat and cannot be read",
    ),
    Everyday(
        "left out by numpy",
        "a.csv",
        as_csv(
            with_chats(lambda r, t: "[{'role': 'user', 'content': 'x'} ... {'role': 'user', 'content': 'y'}]")
        ).encode(),
        error="line 2: a cell looks like a chat",
    ),
    Everyday(
        "no content",
        "a.csv",
        as_csv(with_chats(lambda r, t: "[{'role': 'user'}]")).encode(),
        error="line 2: each message has to be an object with role and content",
    ),
    Everyday(
        "a text with a bracket",
        "a.csv",
        as_csv([{**row, "prompt": "[draft] A colour?"} for row in ROWS]).encode(),
        [(f"user: [draft] {ASKED}", *said[1:]) for said in SAID],
    ),
    Everyday(
        "an answer that is a list",
        "a.csv",
        as_csv([{**ROWS[0], "response": "['Red.', 1]"}]).encode(),
        [(SAID[0][0], "['Red.', 1]", *SAID[0][2:])],
    ),
    Everyday(
        "as a text of JSON lines",
        "a.jsonl",
        lines(with_chats(lambda r, t: json.dumps([{"role": r, "content": t}]))),
    ),
    Everyday(
        "as a text of Parquet",
        "a.parquet",
        parquet(with_chats(lambda r, t: str([{"role": r, "content": t}]))),
    ),
    Everyday("preferences as texts of Parquet", "a.parquet", parquet([pair_row(json.dumps)]), UNNAMED, WORTH),
    Everyday(
        "DuckDB",
        "a.csv",
        as_csv(with_chats(lambda r, t: f"[{{'role': {r}, 'content': '{t}, it\\'s'}}]")).encode(),
        [(f"{said[0]}, it's", *said[1:]) for said in SAID],
    ),
    Everyday(
        "an answer in JSON that is no chat",
        "a.jsonl",
        lines([{**ROWS[0], "response": '[{"role": "manager", "name": "Bo"}]'}]),
        [(SAID[0][0], '[{"role": "manager", "name": "Bo"}]', *SAID[0][2:])],
    ),
    Everyday(
        "a model's own template",
        "a.jsonl",
        lines([{**ROWS[0], "prompt": f"<|im_start|>user\n{ASKED}<|im_end|>\n"}]),
        error="line 1: the prompt is written in a model's chat template",
    ),
]


def chat_rows(turns: list[dict], name: str = "messages", **more: Any) -> bytes:
    rows = [{name: [*turns, {"role": "assistant", "content": r["response"]}], **r, **more} for r in ROWS]
    return lines([{k: v for k, v in row.items() if k not in ("prompt", "response")} for row in rows])


def one_chat(*turns: dict, **more: Any) -> bytes:
    return lines([{"messages": list(turns), "response": GOOD, "rating": 8, "rater": "Ann", **more}])


def asked(conversation: str) -> list[tuple]:
    return [(conversation, *SAID[0][1:])]


CALL = {"type": "function", "function": {"name": "look", "arguments": "{}"}}
CHATS = [
    Everyday("whole conversations", "a.jsonl", chat_rows([USER])),
    Everyday("conversations, other name", "a.jsonl", chat_rows([USER], "conversations")),
    Everyday(
        "ShareGPT",
        "a.jsonl",
        lines(
            [
                {
                    "conversations": [
                        {"from": "human", "value": ASKED},
                        {"from": "gpt", "value": row["response"]},
                    ],
                    "rating": row["rating"],
                    "rater": "Ann",
                }
                for row in ROWS
            ]
        ),
    ),
    Everyday(
        "prompt beside whole messages",
        "a.jsonl",
        lines(
            [
                {
                    "prompt": ASKED,
                    "messages": [USER, {"role": "assistant", "content": row["response"]}],
                    "rating": row["rating"],
                    "rater": "Ann",
                }
                for row in ROWS
            ]
        ),
    ),
    Everyday(
        "roles model and developer",
        "a.jsonl",
        one_chat(
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "model", "content": "Hello"},
            USER,
        ),
        asked(f"system: Be brief. | user: Hi | assistant: Hello | user: {ASKED}"),
    ),
    Everyday(
        "tools",
        "a.jsonl",
        one_chat(
            USER,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "red", "tool_call_id": "1"},
        ),
        asked(f"user: {ASKED} | assistant: {json.dumps([CALL])} | user: red"),
    ),
    Everyday(
        "further keys",
        "a.jsonl",
        one_chat(
            {"role": "user", "content": "Hi", "name": "Bo"},
            {
                "role": "assistant",
                "content": "Hello",
                "weight": 0,
                "reasoning_content": "hm",
                "refusal": None,
            },
            USER,
        ),
        asked(f"user: Hi | assistant: Hello | user: {ASKED}"),
    ),
    Everyday(
        "parts",
        "a.jsonl",
        one_chat(
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "A "},
                    {"type": "text", "text": "colour?", "image_url": None},
                ],
            }
        ),
        asked(f"user: {ASKED}"),
    ),
    Everyday(
        "parts of Parquet",
        "a.parquet",
        parquet(
            [
                {
                    "messages": [
                        {"role": "user", "content": [{"type": "text", "text": ASKED, "image": None}]}
                    ],
                    "response": GOOD,
                    "rating": 8,
                    "rater": "Ann",
                }
            ]
        ),
        asked(f"user: {ASKED}"),
    ),
    Everyday(
        "an empty system message",
        "a.jsonl",
        one_chat({"role": "system", "content": ""}, USER),
        asked(f"user: {ASKED}"),
    ),
    Everyday(
        "a picture",
        "a.jsonl",
        one_chat(
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "x"}},
                    {"type": "text", "text": ASKED},
                ],
            }
        ),
        error="line 1: .*'image_url'.*images, sound and files are not read",
    ),
    Everyday(
        "a column of pictures", "a.jsonl", one_chat(USER, images=["x"]), error="line 1: the row has images"
    ),
    Everyday("a role that nobody has", "a.jsonl", one_chat({"role": "king", "content": "x"}), error="'king'"),
    Everyday(
        "a system prompt of its own",
        "a.csv",
        as_csv([{**row, "system_prompt": "Be brief."} for row in ROWS]).encode(),
        BRIEF,
    ),
    Everyday(
        "thoughts",
        "a.jsonl",
        chat_rows(
            [USER | {"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": ASKED}]}]
        ),
    ),
    Everyday("parts", "a.jsonl", chat_rows([{"role": "user", "parts": [{"text": ASKED}]}])),
]
