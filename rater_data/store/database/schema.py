"""The tables and their constraints, as SQLAlchemy Core.

`migrations/` builds them; a test holds that both agree.
Constraints are the last line: records check values first, with a sentence. What can be counted is never
stored. Long columns stand last: SQLite reads a row from its start, so the short ones are had without them.
"""

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint

from rater_data import lifecycle, records
from rater_data.scales import VERDICTS, score_range_sql

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _among(column: str, values: tuple[str, ...], name: str | None = None) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name or column)


users = Table(
    "users",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("name", sa.Text, nullable=False),
    # the name casefolded: "Anna" and "anna" are one person
    Column("name_key", sa.Text, nullable=False, unique=True),
    Column("pseudonym", sa.Text, nullable=False, unique=True),
    Column("role", sa.Text, nullable=False),
    Column("active", sa.Boolean, nullable=False),
    Column("excluded", sa.Boolean, nullable=False),
    Column("created_at", sa.Double, nullable=False),
    # goes into the hashes of their ratings, and away when those are removed; null until the first hash
    Column("salt", sa.Text),
    # a session of an earlier epoch has ended
    Column("session_epoch", sa.Integer, nullable=False, server_default="0"),
    _among("role", records.ROLES),
)

links = Table(
    "links",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    # the secret itself is never stored
    Column("secret_sha256", sa.Text, nullable=False, unique=True),
    Column("once", sa.Boolean, nullable=False),
    Column("created_at", sa.Double, nullable=False),
    Column("expires_at", sa.Double, nullable=False),
    Column("used_at", sa.Double),
    Column("revoked_at", sa.Double),
    # a script's, no invite link
    Column("token", sa.Boolean, nullable=False, server_default=sa.false()),
)

prompts = Table(
    "prompts",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("messages", sa.JSON, nullable=False),
    # of the messages' canonical JSON: the same prompt is stored once
    Column("sha256", sa.Text, nullable=False, unique=True),
    Column("tags", sa.JSON, nullable=False),
    Column("split", sa.Text, nullable=False),
    Column("source", sa.Text, nullable=False),
    Column("created_at", sa.Double, nullable=False),
    # retired: kept with its responses, but asked no more
    Column("retired_at", sa.Double),
    _among("split", records.SPLITS),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("number", sa.Integer, primary_key=True, autoincrement=False),
    Column("parent", ForeignKey("policy_versions.number")),
    Column("folder", sa.Text, nullable=False),
    Column("sha256", sa.Text, nullable=False),
    Column("base_model", sa.Text, nullable=False),
    Column("base_revision", sa.Text, nullable=False),
    Column("metrics", sa.JSON, nullable=False),
    Column("status", sa.Text, nullable=False),
    Column("created_at", sa.Double, nullable=False),
    Column("notes", sa.Text, nullable=False),
    _among("status", lifecycle.VERSION_STATUSES),
)
Index(
    "uq_policy_versions_one_current",
    policy_versions.c.status,
    unique=True,
    sqlite_where=sa.text("status = 'current'"),
    postgresql_where=sa.text("status = 'current'"),
)

rounds = Table(
    "rounds",
    metadata,
    Column("number", sa.Integer, primary_key=True, autoincrement=False),
    Column("state", sa.Text, nullable=False),
    Column("config", sa.JSON, nullable=False),
    # null only for round 0, whose responses were written elsewhere
    Column("version_number", ForeignKey("policy_versions.number")),
    Column("published_version", ForeignKey("policy_versions.number")),
    Column("snapshot_sha256", sa.Text),
    Column("gate", sa.JSON(none_as_null=True)),
    Column("decision", sa.Text),
    Column("created_at", sa.Double, nullable=False),
    Column("updated_at", sa.Double, nullable=False),
    _among("state", lifecycle.ROUND_STATES),
    CheckConstraint("(number = 0) = (version_number IS NULL)", name="written_by"),
)

responses = Table(
    "responses",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("prompt_id", ForeignKey("prompts.id"), nullable=False, index=True),
    Column("round_number", ForeignKey("rounds.number"), nullable=False),
    Column("version_number", ForeignKey("policy_versions.number")),
    Column("slot", sa.Integer, nullable=False),
    Column("seed", sa.BigInteger, nullable=False),
    Column("temperature", sa.Double, nullable=False),
    Column("finish_reason", sa.Text, nullable=False),
    Column("stratum", sa.Text, nullable=False),
    Column("overlap", sa.Integer, nullable=False),
    Column("propensity", sa.Double, nullable=False),
    Column("created_at", sa.Double, nullable=False),
    Column("text", sa.Text, nullable=False),
    Column("prompt_ids", sa.JSON, nullable=False),
    Column("token_ids", sa.JSON, nullable=False),
    Column("logprobs", sa.JSON, nullable=False),
    # nats of the whole text under the base model; null where nobody computed it
    Column("ref_logprob", sa.Double),
    # what the reward head said of it when its round was trained, in standard deviations
    Column("head_score", sa.Double),
    UniqueConstraint("round_number", "slot"),
    # all that the queue asks of a round's responses: their rows are long
    Index("ix_responses_of_round", "round_number", "prompt_id", "id", "version_number", "overlap", "stratum"),
    _among("finish_reason", records.FINISH_REASONS),
    _among("stratum", records.STRATA),
    CheckConstraint("overlap >= 1", name="overlap"),
    CheckConstraint("(round_number = 0) = (version_number IS NULL)", name="written_by"),
)

IMPORTED_KEY = "import:"
"""How the key of a rating begins that came from a file: no card of this program showed it."""
ratings = Table(
    "ratings",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("response_id", ForeignKey("responses.id"), nullable=False, index=True),
    Column("rater_id", ForeignKey("users.id"), nullable=False),
    Column("score", sa.Double),
    Column("verdict", sa.Text, nullable=False),
    Column("shown_at", sa.Double, nullable=False),
    Column("submitted_at", sa.Double, nullable=False),
    # when the first revision was given, by the server's clock: a change keeps its place in the rater's list
    Column("given_at", sa.Double, nullable=False),
    Column("active_ms", sa.BigInteger, nullable=False),
    Column("position", sa.Integer, nullable=False),
    Column("guideline_version", sa.Integer, nullable=False),
    Column("scale", sa.Text, nullable=False),
    Column("revision", sa.Integer, nullable=False),
    Column("is_current", sa.Boolean, nullable=False),
    Column("key", sa.Text, nullable=False),
    Column("comment", sa.Text, nullable=False),
    Column("flags", sa.JSON, nullable=False),
    Column("attributes", sa.JSON, nullable=False),
    # of a comparison: what the response was compared with, and whether that one was shown first
    Column("other_id", ForeignKey("responses.id")),
    Column("swapped", sa.Boolean, nullable=False, server_default=sa.false()),
    # of what was said and about what (`rating_hashes`), kept from the first seal on, and when it is removed
    Column("sha256", sa.Text),
    # What a rating is of (`records.judged_ids`): a response (both are it), or the two that were compared, the lower id
    # first, whichever was named first. So one plain constraint, which both kinds of database know, says that a rater
    # judges either once. A table of their own would have comparisons read, sealed and counted twice over; columns that
    # the database computes would have to be left out whenever SQLite builds this table anew.
    Column("low_id", sa.Integer, nullable=False),
    Column("high_id", sa.Integer, nullable=False),
    UniqueConstraint("rater_id", "key"),
    UniqueConstraint("low_id", "high_id", "rater_id", "revision"),
    Index(None, "rater_id", "given_at"),
    _among("verdict", tuple(VERDICTS)),
    CheckConstraint("(verdict = 'rated') = (score IS NOT NULL)", name="score_with_verdict"),
    CheckConstraint(score_range_sql(), name="score_range"),
    CheckConstraint("revision >= 1", name="revision"),
    CheckConstraint("active_ms >= 0", name="active_ms"),
    CheckConstraint("(scale = 'pair') = (other_id IS NOT NULL)", name="pair_has_other"),
    CheckConstraint(
        "low_id = CASE WHEN other_id < response_id THEN other_id ELSE response_id END", name="low_id"
    ),
    CheckConstraint(
        "high_id = CASE WHEN other_id > response_id THEN other_id ELSE response_id END", name="high_id"
    ),
)
Index(
    "uq_ratings_one_current",
    ratings.c.low_id,
    ratings.c.high_id,
    ratings.c.rater_id,
    unique=True,
    sqlite_where=sa.text("is_current = 1"),
    postgresql_where=sa.text("is_current"),
)
# those that the next seal has to hash
Index(
    "ix_ratings_unhashed",
    ratings.c.id,
    sqlite_where=sa.text("sha256 IS NULL"),
    postgresql_where=sa.text("sha256 IS NULL"),
)
# all that `reports.rater_stats` asks of a rater's ratings
Index(
    "ix_ratings_of_rater",
    *(ratings.c[name] for name in ("rater_id", "active_ms", "verdict", "scale", "score", "submitted_at")),
    sqlite_where=sa.text("is_current = 1"),
    postgresql_where=sa.text("is_current"),
)

edits = Table(
    "edits",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("response_id", ForeignKey("responses.id"), nullable=False, index=True),
    Column("rater_id", ForeignKey("users.id"), nullable=False),
    # of this revision
    Column("given_at", sa.Double, nullable=False),
    Column("active_ms", sa.BigInteger, nullable=False),
    Column("revision", sa.Integer, nullable=False),
    Column("is_current", sa.Boolean, nullable=False),
    Column("key", sa.Text, nullable=False),
    # as that of a rating
    Column("sha256", sa.Text),
    # empty: removed with its author
    Column("text", sa.Text, nullable=False),
    UniqueConstraint("rater_id", "key"),
    UniqueConstraint("response_id", "rater_id", "revision"),
    CheckConstraint("revision >= 1", name="revision"),
    CheckConstraint("active_ms >= 0", name="active_ms"),
)
Index(
    "uq_edits_one_current",
    edits.c.response_id,
    edits.c.rater_id,
    unique=True,
    sqlite_where=sa.text("is_current = 1"),
    postgresql_where=sa.text("is_current"),
)

leases = Table(
    "leases",
    metadata,
    # a rater holds one card at a time
    Column("rater_id", ForeignKey("users.id"), primary_key=True),
    Column("response_id", ForeignKey("responses.id"), nullable=False, index=True),
    Column("shown_at", sa.Double, nullable=False),
    Column("until", sa.Double, nullable=False),
    # where raters compare: the response beside it
    Column("other_id", ForeignKey("responses.id")),
)

snapshot_ratings = Table(
    "snapshot_ratings",
    metadata,
    Column("round_number", ForeignKey("rounds.number"), primary_key=True),
    Column("rating_id", ForeignKey("ratings.id"), primary_key=True, index=True),
)

snapshot_edits = Table(
    "snapshot_edits",
    metadata,
    Column("round_number", ForeignKey("rounds.number"), primary_key=True),
    Column("edit_id", ForeignKey("edits.id"), primary_key=True, index=True),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("kind", sa.Text, nullable=False),
    Column("payload", sa.JSON, nullable=False),
    Column("state", sa.Text, nullable=False),
    Column("progress", sa.JSON, nullable=False),
    Column("result", sa.JSON(none_as_null=True)),
    Column("worker", sa.Text),
    Column("heartbeat_at", sa.Double),
    Column("attempts", sa.Integer, nullable=False),
    Column("cancel_requested", sa.Boolean, nullable=False),
    Column("error", sa.Text),
    Column("log_tail", sa.Text, nullable=False),
    Column("created_at", sa.Double, nullable=False),
    Column("updated_at", sa.Double, nullable=False),
    _among("kind", lifecycle.JOB_KINDS),
    _among("state", lifecycle.JOB_STATES),
)
Index(
    "uq_jobs_one_active",
    jobs.c.kind,
    unique=True,
    sqlite_where=sa.text("state IN ('queued', 'running')"),
    postgresql_where=sa.text("state IN ('queued', 'running')"),
)

steps = Table(
    "steps",
    metadata,
    Column("round_number", ForeignKey("rounds.number"), primary_key=True),
    Column("step", sa.Integer, primary_key=True, autoincrement=False),
    Column("metrics", sa.JSON, nullable=False),
    Column("at", sa.Double, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("version_number", ForeignKey("policy_versions.number"), primary_key=True),
    Column("prompt_id", ForeignKey("prompts.id"), primary_key=True),
    Column("seed", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("text", sa.Text, nullable=False),
)

guidelines = Table(
    "guidelines",
    metadata,
    Column("version", sa.Integer, primary_key=True, autoincrement=False),
    Column("text", sa.Text, nullable=False),
    Column("actor", sa.Text, nullable=False),
    Column("at", sa.Double, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("at", sa.Double, nullable=False),
    Column("actor", sa.Text, nullable=False),
    Column("what", sa.Text, nullable=False),
    Column("data", sa.JSON, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("value", sa.JSON, nullable=False),
)
