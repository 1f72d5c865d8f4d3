"""In and out: what other programs wrote, and what other programs shall read."""

import json
from importlib import resources

from rater_data.records import Prompt


def bundled_prompts() -> list[Prompt]:
    """The everyday prompts that come with the program."""
    text = resources.files("rater_data").joinpath("prompts", "everyday.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [
        Prompt.of(row["prompt"], tags=tuple(row.get("tags", ())), split=row.get("split"), source="everyday")
        for row in rows
    ]
