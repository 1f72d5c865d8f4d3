"""What comes from elsewhere, in one transaction and in batches; the round that holds its responses.

Round 0 has an empty config and no version. It is published and never the latest round; its ratings are in every
snapshot, so they teach the reward head. They cannot move the policy: their text was not sampled from any version, so
there are no log-probabilities. Responses that came without ratings may be offered: then round 0 is in the state rating,
and raters get its cards when their own round has none left for them.

Our own export brings rounds and versions along. In a home that has none of its own they are made anew, as records
without weights; in any other a response is matched with the one it was exported from, or goes to round 0.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import sqlalchemy as sa

from rater_data.errors import NOTHING_IMPORTED, BadInput, Refused
from rater_data.records import IMPORTED_ROUND
from rater_data.round_settings import CHOSEN_SCALE
from rater_data.scales import DEFAULT_SCALE, SCALES
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.round_states import move_round, require_round
from rater_data.store.rounds.settings import read_setting
from rater_data.store.transfer.import_edits import EditImport
from rater_data.store.transfer.import_ratings import RatingImport
from rater_data.store.transfer.import_responses import BATCH, ResponseImport
from rater_data.store.transfer.restored_rounds import RestoredRounds

Rows = Iterator[dict[str, Any]]
Wrap = Callable[[Rows, int], Rows]


class StagedRows(Protocol):
    """What a file brings, whoever staged it (`importing.staging`): rows in the order in which they are stored."""

    prompts: int
    responses: int
    ratings: int
    numbers: int

    def content_rows(self) -> Rows:
        """Prompts (with "sha256") and responses (with "number"); each prompt before its responses."""

    def rating_rows(self) -> Rows:
        """The ratings, in the order of the file."""

    def edit_rows(self) -> Rows:
        """The better answers of those who gave them, in the order of the file."""


@dataclass(slots=True, kw_only=True)
class ImportCounts:
    """What an import did, or would do: new rows, and ratings that existed, some of them with another score."""

    prompts: int = 0
    responses: int = 0
    ratings: int = 0
    edits: int = 0
    raters: int = 0
    rounds: int = 0
    existing: int = 0
    differing: int = 0


class _DryRunOver(Exception):
    """Undoes the transaction."""


class Imports(Database):
    """Round 0, and what an export brings back."""

    def add_staged(
        self,
        staged: StagedRows,
        *,
        scale: str | None = None,
        offer: bool = False,
        dry_run: bool = False,
        wrap: Wrap = lambda rows, _total: rows,
    ) -> ImportCounts:
        """Adds all that was staged (`staged.close()` first), or nothing; a dry run only says what it would do.

        A rating exists already when this rater has one on this response; it is left as it is. `scale`: of the
        ratings; a home that has chosen none yet takes it over. Raises Refused when it has another.
        """
        counts = ImportCounts()
        try:
            with self.writing() as connection:
                if scale is not None:
                    _adopt_scale(connection, scale)
                _add_rows(connection, staged, counts, make_round=scale is not None, wrap=wrap)
                if offer:
                    imported = require_round(connection, IMPORTED_ROUND)
                    if imported.state != "rating":  # they may have been offered before
                        move_round(connection, imported, "rating", time.time())
                if dry_run:
                    raise _DryRunOver
        except _DryRunOver:
            pass
        except sa.exc.IntegrityError as error:
            why = str(error.orig).splitlines()[0]
            raise BadInput(
                f"The file contradicts what is here already ({why}). {NOTHING_IMPORTED}"
            ) from error
        return counts


def _adopt_scale(connection: sa.Connection, scale: str) -> None:
    current = connection.scalar(sa.select(t.ratings.c.scale).limit(1)) or read_setting(
        connection, CHOSEN_SCALE
    )
    if current is None and scale != DEFAULT_SCALE:
        connection.execute(t.settings.insert().values(name=CHOSEN_SCALE, value=SCALES[scale].name))
    elif (current or DEFAULT_SCALE) != scale:
        raise Refused(f"Ratings of this home are on the scale {current}; those of the file are on {scale}.")


def _add_rows(
    connection: sa.Connection, staged: StagedRows, counts: ImportCounts, *, make_round: bool, wrap: Wrap
) -> None:
    """Adds what is new of the staged rows, and writes the event that says so."""
    now = time.time()
    rounds = RestoredRounds(connection, now)
    responses = ResponseImport(connection, rounds, now, prompts=staged.prompts, numbers=staged.numbers)
    ratings = RatingImport(connection, responses, now)
    if staged.numbers or make_round:
        rounds.add_imported_round()
    for rows in _batches(wrap(staged.content_rows(), staged.prompts + staged.responses)):
        responses.add(rows)
    rounds.finish()
    for rows in _batches(wrap(staged.rating_rows(), staged.ratings)):
        ratings.add(rows)
    edits = EditImport(connection, responses, ratings, now)
    for rows in _batches(staged.edit_rows()):
        edits.add(rows)
    counts.edits = edits.new
    counts.prompts, counts.responses = responses.new_prompts, responses.new_responses
    counts.ratings, counts.raters, counts.rounds = ratings.new, ratings.new_raters, rounds.new
    counts.existing, counts.differing = ratings.existing, ratings.differing
    if staged.ratings:
        what = f"imported {ratings.new} ratings"
        record_event(connection, "import", what, now, there_already=ratings.existing)
    elif staged.responses:
        record_event(connection, "import", f"imported {responses.new_responses} responses", now)


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch
