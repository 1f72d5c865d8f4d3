"""Numbers, thumbs and raters in the types of many libraries: see `everyday_files`."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from tests.rater_data.importing.everyday_chats import pair_row
from tests.rater_data.importing.everyday_files import (
    ASKED,
    BAD,
    CELLS,
    GOOD,
    ROWS,
    SAID,
    UNNAMED,
    WORTH,
    Everyday,
    as_csv,
    lines,
    parquet,
    workbook,
)


def scored(value: Callable[[int], Any], name: str = "rating") -> list[dict]:
    return [
        {"prompt": ASKED, "response": r["response"], name: value(r["rating"]), "rater": "Ann"} for r in ROWS
    ]


def raters(values: list[Any], write: Callable[[list[dict]], bytes] = lines) -> bytes:
    return write([{**row, "rater": rater} for row, rater in zip(ROWS, values, strict=True)])


def named(*names: str) -> list[tuple]:
    return [(*said[:3], name) for said, name in zip(SAID, names, strict=True)]


DECIMALS = pa.schema(
    [
        ("prompt", pa.string()),
        ("response", pa.string()),
        ("rating", pa.decimal128(10, 2)),
        ("rater", pa.decimal128(20, 0)),
    ]
)
BYTES = pa.schema(
    [("prompt", pa.binary()), ("response", pa.binary()), ("rating", pa.int64()), ("rater", pa.binary())]
)
SINGLE = pa.schema(
    [
        ("prompt", pa.large_string()),
        ("response", pa.string()),
        ("rating", pa.float32()),
        ("rater", pa.string()),
    ]
)
VALUES = [
    Everyday(
        "decimals",
        "a.parquet",
        parquet([{**row, "rating": Decimal(row["rating"]), "rater": Decimal(7)} for row in ROWS], DECIMALS),
        named("7", "7"),
    ),
    Everyday(
        "texts without their type",
        "a.parquet",
        parquet(
            [{k: v.encode() if isinstance(v, str) else v for k, v in row.items()} for row in ROWS], BYTES
        ),
    ),
    Everyday("thumbs", "a.jsonl", lines(scored(lambda s: s > 5)), options=WORTH),
    Everyday("thumbs in a table", "a.csv", as_csv(scored(lambda s: s > 5)).encode(), options=WORTH),
    Everyday(
        "thumbs, by range",
        "a.jsonl",
        lines(scored(lambda s: s > 5)),
        [(*s[:2], p, s[3]) for s, p in zip(SAID, (10, 1), strict=True)],
        {"score_range": (0.0, 1.0)},
    ),
    Everyday(
        "thumbs without a worth",
        "a.jsonl",
        lines(scored(lambda s: s > 5)),
        error="line 1: the score is a thumb",
    ),
    Everyday("KTO", "a.jsonl", lines(scored(lambda s: s > 5, "label")), options=WORTH),
    Everyday("KTO, 1 and 0", "a.csv", as_csv(scored(lambda s: int(s > 5), "label")).encode(), options=WORTH),
    Everyday(
        "scores of a pair",
        "a.jsonl",
        lines(
            [{"prompt": ASKED, "chosen": GOOD, "rejected": BAD, "score_chosen": 8.0, "score_rejected": 3.0}]
        ),
        UNNAMED,
    ),
    Everyday(
        "scores of a pair in another range",
        "a.jsonl",
        lines(
            [{"prompt": ASKED, "chosen": GOOD, "rejected": BAD, "chosen_score": 0.75, "rejected_score": 0.25}]
        ),
        UNNAMED,
        {"score_range": (0.0, 1.0)},
    ),
    Everyday(
        "UltraFeedback",
        "a.parquet",
        parquet(
            [
                {
                    "prompt": ASKED,
                    "prompt_id": "x",
                    **pair_row(list),
                    "messages": pair_row(list)["chosen"],
                    "score_chosen": 8.0,
                    "score_rejected": 3.0,
                }
            ]
        ),
        UNNAMED,
    ),
    Everyday("a number and a float", "a.jsonl", raters([1, 1.0]), named("1", "1")),
    Everyday(
        "a number with an empty cell",
        "a.csv",
        pd.DataFrame(ROWS).assign(rater=[1, None]).to_csv(index=False).encode(),
        named("1", "imported"),
    ),
    Everyday(
        "NaN in Parquet",
        "a.parquet",
        parquet([{**r, "rater": v} for r, v in zip(ROWS, (2.0, float("nan")), strict=True)]),
        named("2", "imported"),
    ),
    Everyday("NaN in JSON", "a.jsonl", raters(["Ann", float("nan")]), named("Ann", "imported")),
    Everyday(
        "no value as a text", "a.csv", raters(["nan", "<NA>"], lambda rows: as_csv(rows).encode()), UNNAMED
    ),
    Everyday(
        "Excel's numbers",
        "a.xlsx",
        workbook([CELLS[0], [ASKED, GOOD, 8.0, 1.0], [ASKED, BAD, 3, None]]),
        named("1", "imported"),
    ),
    Everyday(
        "true is nobody",
        "a.jsonl",
        raters([True, True]),
        error="the rater has to be a name or a number, not True",
    ),
    Everyday("a rounded number", "a.jsonl", raters([1.2e18, 1]), error="was rounded by a table"),
    Everyday(
        "a name that is HTML",
        "a.jsonl",
        raters(["<b onclick='x'>Ann</b>", "<img src=x>"]),
        named("<b onclick='x'>Ann</b>", "<img src=x>"),
    ),
    Everyday(
        "a prompt that is a formula",
        "a.csv",
        as_csv([{**r, "prompt": "=1+1"} for r in ROWS]).encode(),
        [("user: =1+1", *said[1:]) for said in SAID],
    ),
    Everyday(
        "no value in a database", "a.csv", raters(["\\N", "NA"], lambda rows: as_csv(rows).encode()), UNNAMED
    ),
    Everyday(
        "an annotator",
        "a.jsonl",
        lines([{"annotator" if k == "rater" else k: v for k, v in row.items()} for row in ROWS]),
    ),
    Everyday(
        "leading zeros", "a.csv", raters(["007", "7"], lambda rows: as_csv(rows).encode()), named("007", "7")
    ),
    Everyday(
        "a score in another form",
        "a.jsonl",
        lines(scored(lambda s: f"{s}/10")),
        error="line 1: the score '8/10' is no",
    ),
    Everyday(
        "a score in a list", "a.jsonl", lines(scored(lambda s: [s])), error=r"a finite number, not \[8\]"
    ),
    Everyday(
        "a percentage of a sheet",
        "a.xlsx",
        workbook([CELLS[0], [ASKED, GOOD, 0.8, "Ann"]]),
        [(*SAID[0][:2], 8, "Ann")],
        {"score_range": (0.0, 1.0)},
    ),
    Everyday("single precision", "a.parquet", parquet(ROWS, SINGLE)),
]
