"""Prompts: what the model is asked."""

import json
import time
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.errors import Missing
from rater_data.records import SPLITS, Prompt
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import prompt_columns, prompt_of, prompt_row
from rater_data.store.rounds.events import record_event

AT_ONCE = 500  # values in one IN (…): databases have limits


def insert_prompts(connection: sa.Connection, prompts: list[Prompt], now: float) -> int:
    """Adds the prompts that are not there yet and returns how many those were."""
    rows = {p.sha256: p for p in reversed(prompts)}  # of two equal ones the first wins
    new = [(sha, rows[sha]) for sha in dict.fromkeys(p.sha256 for p in prompts)]
    known = find_prompt_ids(connection, list(rows))
    fresh = [prompt_row(p, now) for sha, p in new if sha not in known]
    if fresh:
        connection.execute(t.prompts.insert(), fresh)
    return len(fresh)


def find_prompt_ids(connection: sa.Connection, digests: list[str]) -> dict[str, int]:
    """The ids of those prompts that are stored, by their sha256."""
    ids: dict[str, int] = {}
    for start in range(0, len(digests), AT_ONCE):
        some = digests[start : start + AT_ONCE]
        rows = connection.execute(
            sa.select(t.prompts.c.sha256, t.prompts.c.id).where(t.prompts.c.sha256.in_(some))
        )
        ids |= {row.sha256: row.id for row in rows}
    return ids


def require_prompt(connection: sa.Connection, prompt_id: int) -> Prompt:
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
        with self.writing() as connection:
            added = insert_prompts(connection, prompts, time.time())
        return added, len(prompts) - added

    def prompts(self, split: str | None = None, *, retired: bool = False) -> list[Prompt]:
        """All prompts, or those of one split, in the order they came; `retired` ones only if asked for."""
        query = sa.select(*prompt_columns()).order_by(t.prompts.c.id)
        if not retired:
            query = query.where(t.prompts.c.retired_at.is_(None))
        if split is not None:
            checks.one_of("The split", split, SPLITS)
            query = query.where(t.prompts.c.split == split)
        with self.reading() as connection:
            return [prompt_of(row) for row in connection.execute(query).mappings()]

    def find_prompts(self, text: str = "", *, limit: int, offset: int = 0) -> tuple[list[Prompt], int]:
        """Prompts with `text` in their messages or tags, retired ones too, newest first; and how many there are."""
        p = t.prompts.c
        # as JSON writes it, so that quotes and line ends are found
        inside = json.dumps(text, ensure_ascii=False)[1:-1]
        fits = sa.or_(*(sa.cast(c, sa.Text).icontains(inside, autoescape=True) for c in (p.messages, p.tags)))
        where = fits if text else sa.true()
        query = sa.select(*prompt_columns()).where(where).order_by(p.id.desc()).limit(limit).offset(offset)
        with self.reading() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(t.prompts).where(where)) or 0
            return [prompt_of(row) for row in connection.execute(query).mappings()], total

    def retire_prompt(self, prompt_id: int, actor: str, *, back: bool = False) -> Prompt:
        """The prompt is asked no more from the next round on (or again, with `back`). Raises Missing."""
        return self._change_prompt(
            prompt_id,
            actor,
            "took a prompt back in" if back else "retired a prompt",
            retired_at=None if back else time.time(),
        )

    def tag_prompt(self, prompt_id: int, tags: tuple[str, ...], actor: str) -> Prompt:
        """Replaces the tags of a prompt. Raises BadInput for an empty tag, Missing."""
        for tag in tags:
            checks.text("A tag", tag, empty=False)
        return self._change_prompt(prompt_id, actor, "tagged a prompt", tags=list(dict.fromkeys(tags)))

    def _change_prompt(self, prompt_id: int, actor: str, what: str, **values: Any) -> Prompt:
        with self.writing() as connection:
            require_prompt(connection, prompt_id)
            connection.execute(t.prompts.update().where(t.prompts.c.id == prompt_id).values(**values))
            record_event(connection, actor, what, prompt=prompt_id)
            return require_prompt(connection, prompt_id)

    def prompt(self, prompt_id: int) -> Prompt:
        """Raises Missing."""
        with self.reading() as connection:
            return require_prompt(connection, prompt_id)
