"""What exports read: plain columns, some thousand rows at a time. `consistent_reads` makes them all of one moment.

No records here on purpose: a million ratings have a million times token ids, which no export wants. JSON columns come
as their text; whoever needs them parses them, once for each prompt or response of a portion and not for each rating.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.records import IMPORTED_ROUND, RESTORED, SPLITS
from rater_data.round_settings import Told
from rater_data.scales import COUNTING, VERDICTS
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.rounds.round_states import require_round
from rater_data.store.rounds.rounds import trusted_ratings

REVISIONS_AT_ONCE = 5_000  # read together with what they are about
RATINGS_AT_ONCE = 20_000  # read together as plain numbers
PROMPTS_AT_ONCE = 500

_g, _r, _p, _v, _u, _n = (
    x.c for x in (t.ratings, t.responses, t.prompts, t.policy_versions, t.users, t.rounds)
)  # fmt: skip


def _text(column: sa.Column) -> sa.Label:
    return sa.cast(column, sa.Text).label(column.name)


_RATING_COLUMNS = [
    *(_g.id, _g.response_id, _g.other_id, _g.swapped, _g.rater_id, _g.score, _g.verdict, _g.shown_at),
    *(_g.submitted_at, _g.given_at, _g.active_ms, _g.position, _g.guideline_version, _g.scale),
    *(_g.revision, _g.is_current, _g.key, _g.comment, _text(_g.flags), _text(_g.attributes)),
]
_RESPONSE_COLUMNS = [
    *(_r.id, _r.prompt_id, _r.round_number, _r.version_number, _r.slot, _r.seed, _r.temperature),
    *(_r.finish_reason, _r.stratum, _r.overlap, _r.propensity, _r.text, _text(_r.logprobs)),
    *(_r.ref_logprob, _r.head_score),
]
_PROMPT_COLUMNS = [_p.id, _p.sha256, _p.split, _p.source, _text(_p.messages), _text(_p.tags)]
_REMOVED_VERDICTS = [v.name for v in VERDICTS.values() if v.kind == "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingFilter:
    """Which ratings are meant: of a split, on the responses of a round, given or changed since a time."""

    split: str | None = None
    round_number: int | None = None
    since: float | None = None

    def __post_init__(self) -> None:
        if self.split is not None:
            checks.one_of("The split", self.split, SPLITS)
        if self.round_number is not None:
            checks.whole("The number of a round", self.round_number)
        if self.since is not None:
            checks.seconds("The time since which ratings are meant", self.since)

    def apply(self, query: sa.Select) -> sa.Select:
        """The rows of a query of ratings, joined with their responses and prompts, that are meant."""
        query = query.where(_g.verdict.not_in(_REMOVED_VERDICTS))
        if self.split is not None:
            query = query.where(_p.split == self.split)
        if self.round_number is not None:
            query = query.where(_r.round_number == self.round_number)
        if self.since is not None:
            query = query.where(_g.submitted_at >= self.since)
        return query


@dataclass(frozen=True, slots=True)
class RatingRows:
    """Some ratings by id, with each response and prompt they are about once. Rows have the columns' names."""

    ratings: Sequence[Any]
    responses: Sequence[Any]
    prompts: Sequence[Any]


@dataclass(frozen=True, slots=True)
class PeopleAndVersions:
    """What is the same for every portion: people by id (pseudonym, active, excluded) and versions by number."""

    people: dict[int, Any]
    versions: dict[int, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """How what people say now came about: `given` on a card here, `imported` from files of these `sources`.

    `strata`: why those cards were shown. `versions` and the base `models` that wrote what was rated; `elsewhere`: some
    of it was written nobody knows by whom. `told`: what stood before responses that were written here.
    """

    given: int
    imported: int
    importers: int
    sources: tuple[str, ...]
    strata: frozenset[str]
    versions: int
    models: tuple[str, ...]
    elsewhere: bool
    told: tuple[Told, ...]


def _says_what_it_told(round_: sa.Row[Any, Any]) -> bool:
    """Not what was imported, unless the export said it."""
    return round_.number != IMPORTED_ROUND and ("sample" in round_.config or RESTORED not in round_.config)


def _joined(query: sa.Select) -> sa.Select:
    return (
        query.select_from(t.ratings)
        .join(t.responses, _r.id == _g.response_id)
        .join(t.prompts, _p.id == _r.prompt_id)
    )


_IS_COUNTED = _g.verdict.in_(COUNTING)
_HAS_ATTRIBUTES = (_IS_COUNTED, sa.cast(_g.attributes, sa.Text) != "{}")


def _trusted_query(rating_filter: RatingFilter, columns: tuple, *where: sa.ColumnElement[bool]) -> sa.Select:
    trusted = trusted_ratings().with_only_columns(_g.id)
    return rating_filter.apply(_joined(sa.select(*columns))).where(_g.id.in_(trusted), *where)


class ExportRows(Database):
    """What exports read."""

    def count_revisions(self, rating_filter: RatingFilter) -> int:
        """How many rows `rating_rows` will have in all. Raises Missing for a round that does not exist."""
        with self.reading() as connection:
            if rating_filter.round_number is not None:
                require_round(connection, rating_filter.round_number)
            return connection.scalar(rating_filter.apply(_joined(sa.select(sa.func.count())))) or 0

    def people_and_versions(self) -> PeopleAndVersions:
        """People and versions."""
        people = sa.select(_u.id, _u.pseudonym, _u.active, _u.excluded)
        versions = sa.select(_v.number, _v.sha256, _v.base_model, _v.base_revision)
        with self.reading() as connection:
            return PeopleAndVersions(
                {row.id: row for row in connection.execute(people)},
                {row.number: row for row in connection.execute(versions)},
            )

    def told_by_round(self) -> dict[int, Told]:
        """What stood before the responses of each round; without those of which that is not known."""
        with self.reading() as connection:
            rounds = connection.execute(sa.select(_n.number, _n.config)).all()
        return {row.number: Told.of(row.config) for row in rounds if _says_what_it_told(row)}

    def rating_rows(
        self, rating_filter: RatingFilter, at_once: int = REVISIONS_AT_ONCE
    ) -> Iterator[RatingRows]:
        """Every revision of every rating that is meant, by id; those of removed people are left out."""
        ratings = rating_filter.apply(_joined(sa.select(*_RATING_COLUMNS))).order_by(_g.id).limit(at_once)
        last = 0
        with self.reading() as connection:
            while rows := connection.execute(ratings.where(_g.id > last)).all():
                in_batch = _g.id.between(rows[0].id, rows[-1].id)
                last = rows[-1].id
                about = (
                    rating_filter.apply(_joined(sa.select(column))).where(in_batch)
                    for column in (_g.response_id, _g.other_id)
                )
                ids = sa.union(*about).subquery()
                responses = connection.execute(
                    sa.select(*_RESPONSE_COLUMNS).where(_r.id.in_(sa.select(ids.c[0]))).order_by(_r.id)
                ).all()
                prompt_ids_of_batch = rating_filter.apply(_joined(sa.select(_r.prompt_id))).where(in_batch)
                prompts = connection.execute(
                    sa.select(*_PROMPT_COLUMNS).where(_p.id.in_(prompt_ids_of_batch))
                ).all()
                yield RatingRows(rows, responses, prompts)

    def current_ratings(self, rating_filter: RatingFilter) -> Iterator[Sequence[Any]]:
        """What people who are trusted say now, by id, many at a time.

        Rows: response_id, other_id, rater_id, prompt_id, score, verdict, scale. Raises Missing for a round that does
        not exist.
        """
        columns = (_g.response_id, _g.other_id, _g.rater_id, _r.prompt_id, _g.score, _g.verdict, _g.scale)
        return self._trusted(rating_filter, columns)

    def current_attributes(self, rating_filter: RatingFilter) -> Iterator[Sequence[Any]]:
        """Of the same ratings, those that answer for further qualities.

        Who could not judge a response says nothing of its qualities either. Rows: response_id, rater_id, prompt_id,
        attributes (JSON text).
        """
        columns = (_g.response_id, _g.rater_id, _r.prompt_id, _text(_g.attributes))
        return self._trusted(rating_filter, columns, *_HAS_ATTRIBUTES)

    def origins(self, rating_filter: RatingFilter, qualities: bool = False) -> Origins:
        """How the ratings that count came about; with `qualities` those of them that answer for some."""
        where = _HAS_ATTRIBUTES if qualities else (_IS_COUNTED,)
        imported = _g.key.like(f"{t.IMPORTED_KEY}%")
        strata = _trusted_query(rating_filter, (_r.stratum,), *where, ~imported).distinct()
        sources = _trusted_query(rating_filter, (_p.source,), *where, imported, _p.source != "").distinct()
        wrote = _trusted_query(rating_filter, (_r.version_number, _v.base_model), *where).distinct()
        wrote = wrote.outerjoin(t.policy_versions, _v.number == _r.version_number)
        rated_rounds = _trusted_query(rating_filter, (_r.round_number,), *where).distinct()
        told = self.told_by_round()
        numbers = (imported.label("imported"), sa.func.count(), sa.func.count(_g.rater_id.distinct()))
        with self.reading() as connection:
            counted = {
                bool(row.imported): row[1:]
                for row in connection.execute(
                    _trusted_query(rating_filter, numbers, *where).group_by(imported)
                )
            }
            versions = connection.execute(wrote).all()
            return Origins(
                given=counted.get(False, (0, 0))[0],
                imported=counted.get(True, (0, 0))[0],
                importers=counted.get(True, (0, 0))[1],
                sources=tuple(sorted(connection.scalars(sources))),
                strata=frozenset(connection.scalars(strata)),
                versions=sum(row.version_number is not None for row in versions),
                models=tuple(sorted({row.base_model for row in versions if row.base_model})),
                elsewhere=any(row.version_number is None for row in versions),
                told=tuple(
                    dict.fromkeys(
                        told[number] for number in sorted(connection.scalars(rated_rounds)) if number in told
                    )
                ),
            )

    def _trusted(
        self, rating_filter: RatingFilter, columns: tuple, *where: sa.ColumnElement[bool]
    ) -> Iterator[Sequence[Any]]:
        query = _trusted_query(rating_filter, columns, *where).order_by(_g.id)
        with self.reading() as connection:
            if rating_filter.round_number is not None:
                require_round(connection, rating_filter.round_number)
            yield from connection.execute(query.execution_options(yield_per=RATINGS_AT_ONCE)).partitions()

    def prompts_with_responses(
        self, prompt_ids: Sequence[int]
    ) -> Iterator[tuple[Sequence[Any], Sequence[Any]]]:
        """Prompts of these ids, ascending, some at a time, and their responses by id.

        Of a response: id, prompt_id, round_number, text.
        """
        with self.reading() as connection:
            for start in range(0, len(prompt_ids), PROMPTS_AT_ONCE):
                some = list(prompt_ids[start : start + PROMPTS_AT_ONCE])
                prompts = connection.execute(
                    sa.select(*_PROMPT_COLUMNS).where(_p.id.in_(some)).order_by(_p.id)
                ).all()
                texts = sa.select(_r.id, _r.prompt_id, _r.round_number, _r.text).where(_r.prompt_id.in_(some))
                yield prompts, connection.execute(texts.order_by(_r.id)).all()

    def longest_chats(self, rating_filter: RatingFilter, told: Mapping[int, Told]) -> tuple[int, int]:
        """The most messages of a prompt with ratings: of those that were continued, and of the others.

        0 where there are none. `told` is by round.
        """
        length = sa.func.max(sa.func.json_array_length(_p.messages))
        query = _joined(sa.select(_r.round_number, length)).group_by(_r.round_number)
        longest = {True: 0, False: 0}
        with self.reading() as connection:
            for number, count in connection.execute(rating_filter.apply(query)):
                continued = told.get(number, Told()).continuation
                longest[continued] = max(longest[continued], count)
        return longest[True], longest[False]
