"""Prompts: what the model is asked."""

import time

import sqlalchemy as sa

from rater_data import checks
from rater_data import schema as t
from rater_data.database import Database
from rater_data.errors import Missing
from rater_data.records import SPLITS, Prompt
from rater_data.rows import prompt_columns, prompt_of, prompt_row, prompt_sha256

AT_ONCE = 500  # values in one IN (…): databases have limits


def add_prompts_in(connection: sa.Connection, prompts: list[Prompt], now: float) -> int:
    """Adds the prompts that are not there yet and returns how many those were."""
    rows = {prompt_sha256(p): p for p in reversed(prompts)}  # of two equal ones the first wins
    new = [(sha, rows[sha]) for sha in dict.fromkeys(prompt_sha256(p) for p in prompts)]
    there = prompt_ids_in(connection, list(rows))
    fresh = [prompt_row(p, now) for sha, p in new if sha not in there]
    if fresh:
        connection.execute(t.prompts.insert(), fresh)
    return len(fresh)


def prompt_ids_in(connection: sa.Connection, digests: list[str]) -> dict[str, int]:
    """The ids of those prompts that are stored, by their sha256."""
    found: dict[str, int] = {}
    for start in range(0, len(digests), AT_ONCE):
        some = digests[start : start + AT_ONCE]
        rows = connection.execute(
            sa.select(t.prompts.c.sha256, t.prompts.c.id).where(t.prompts.c.sha256.in_(some))
        )
        found |= {row.sha256: row.id for row in rows}
    return found


def prompt_in(connection: sa.Connection, prompt_id: int) -> Prompt:
    """The prompt of an id. Raises Missing."""
    query = sa.select(*prompt_columns()).where(t.prompts.c.id == prompt_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise Missing(f"There is no prompt {prompt_id}.")
    return prompt_of(row)


class Prompts(Database):
    """Prompts and their splits."""

    def add_prompts(self, prompts: list[Prompt]) -> tuple[int, int]:
        """Adds prompts, all or none; returns how many were added and how many were there already."""
        with self._write() as connection:
            added = add_prompts_in(connection, prompts, time.time())
        return added, len(prompts) - added

    def prompts(self, split: str | None = None) -> list[Prompt]:
        """All prompts, or those of one split, in the order they came."""
        query = sa.select(*prompt_columns()).order_by(t.prompts.c.id)
        if split is not None:
            checks.one_of("The split", split, SPLITS)
            query = query.where(t.prompts.c.split == split)
        with self._read() as connection:
            return [prompt_of(row) for row in connection.execute(query).mappings()]

    def prompt(self, prompt_id: int) -> Prompt:
        """Raises Missing."""
        with self._read() as connection:
            return prompt_in(connection, prompt_id)
