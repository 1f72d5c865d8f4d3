"""The first tables: people, prompts, versions, rounds, responses, ratings, jobs and the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROUND_STATES = "'generating', 'rating', 'sealed', 'training', 'refused', 'failed', 'published', 'rolled_back'"


def upgrade() -> None:
    _people()
    _prompts_and_versions()
    _rounds()
    _responses()
    _ratings()
    _who_holds_what()
    _jobs()
    _journal()


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("pseudonym", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("excluded", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name_key", name="uq_users_name_key"),
        sa.UniqueConstraint("pseudonym", name="uq_users_pseudonym"),
        sa.CheckConstraint("role IN ('rater', 'operator')", name=op.f("ck_users_role")),
    )
    op.create_table(
        "links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("secret_sha256", sa.Text(), nullable=False),
        sa.Column("once", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double()),
        sa.Column("revoked_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.UniqueConstraint("secret_sha256", name="uq_links_secret_sha256"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_links_user_id_users"),
    )
    op.create_index("ix_links_user_id", "links", ["user_id"])


def _prompts_and_versions() -> None:
    op.create_table(
        "prompts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prompts"),
        sa.UniqueConstraint("sha256", name="uq_prompts_sha256"),
        sa.CheckConstraint("split IN ('train', 'holdout')", name=op.f("ck_prompts_split")),
    )
    op.create_table(
        "policy_versions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parent", sa.Integer()),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("base_model", sa.Text(), nullable=False),
        sa.Column("base_revision", sa.Text(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_policy_versions"),
        sa.ForeignKeyConstraint(
            ["parent"], ["policy_versions.number"], name="fk_policy_versions_parent_policy_versions"
        ),
        sa.CheckConstraint(
            "status IN ('candidate', 'current', 'kept', 'rolled_back')",
            name=op.f("ck_policy_versions_status"),
        ),
    )
    one = sa.text("status = 'current'")
    op.create_index(
        "uq_policy_versions_one_current",
        "policy_versions",
        ["status"],
        unique=True,
        sqlite_where=one,
        postgresql_where=one,
    )


def _rounds() -> None:
    op.create_table(
        "rounds",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("version_number", sa.Integer()),
        sa.Column("published_version", sa.Integer()),
        sa.Column("snapshot_sha256", sa.Text()),
        sa.Column("gate", sa.JSON()),
        sa.Column("decision", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_rounds"),
        sa.ForeignKeyConstraint(
            ["version_number"], ["policy_versions.number"], name="fk_rounds_version_number_policy_versions"
        ),
        sa.ForeignKeyConstraint(
            ["published_version"],
            ["policy_versions.number"],
            name="fk_rounds_published_version_policy_versions",
        ),
        sa.CheckConstraint(f"state IN ({ROUND_STATES})", name=op.f("ck_rounds_state")),
        sa.CheckConstraint("(number = 0) = (version_number IS NULL)", name=op.f("ck_rounds_written_by")),
    )


def _responses() -> None:
    op.create_table(
        "responses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.Integer(), nullable=False),
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("version_number", sa.Integer()),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("temperature", sa.Double(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("overlap", sa.Integer(), nullable=False),
        sa.Column("propensity", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("prompt_ids", sa.JSON(), nullable=False),
        sa.Column("token_ids", sa.JSON(), nullable=False),
        sa.Column("logprobs", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_responses"),
        sa.UniqueConstraint("round_number", "slot", name="uq_responses_round_number_slot"),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name="fk_responses_prompt_id_prompts"),
        sa.ForeignKeyConstraint(["round_number"], ["rounds.number"], name="fk_responses_round_number_rounds"),
        sa.ForeignKeyConstraint(
            ["version_number"], ["policy_versions.number"], name="fk_responses_version_number_policy_versions"
        ),
        sa.CheckConstraint("finish_reason IN ('eos', 'length')", name=op.f("ck_responses_finish_reason")),
        sa.CheckConstraint(
            "stratum IN ('train', 'calibration', 'holdout', 'anchor', 'control', 'imported')",
            name=op.f("ck_responses_stratum"),
        ),
        sa.CheckConstraint("overlap >= 1", name=op.f("ck_responses_overlap")),
        sa.CheckConstraint(
            "(round_number = 0) = (version_number IS NULL)", name=op.f("ck_responses_written_by")
        ),
    )
    op.create_index("ix_responses_prompt_id", "responses", ["prompt_id"])
    op.create_index("ix_responses_round_number_prompt_id", "responses", ["round_number", "prompt_id"])


def _ratings() -> None:
    op.create_table(
        "ratings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("response_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double()),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("shown_at", sa.Double(), nullable=False),
        sa.Column("submitted_at", sa.Double(), nullable=False),
        sa.Column("given_at", sa.Double(), nullable=False),
        sa.Column("active_ms", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("guideline_version", sa.Integer(), nullable=False),
        sa.Column("scale", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ratings"),
        sa.UniqueConstraint("rater_id", "key", name="uq_ratings_rater_id_key"),
        sa.UniqueConstraint(
            "response_id", "rater_id", "revision", name="uq_ratings_response_id_rater_id_revision"
        ),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name="fk_ratings_response_id_responses"),
        sa.ForeignKeyConstraint(["rater_id"], ["users.id"], name="fk_ratings_rater_id_users"),
        sa.CheckConstraint(
            "verdict IN ('rated', 'skip', 'cannot_judge', 'broken', 'unsafe')",
            name=op.f("ck_ratings_verdict"),
        ),
        sa.CheckConstraint(
            "(verdict = 'rated') = (score IS NOT NULL)", name=op.f("ck_ratings_score_with_verdict")
        ),
        sa.CheckConstraint(
            "score IS NULL OR (scale = 'score_1_10' AND score BETWEEN 1 AND 10)"
            " OR (scale = 'score_0_10' AND score BETWEEN 0 AND 10)"
            " OR (scale = 'score_1_5' AND score BETWEEN 1 AND 5)"
            " OR (scale = 'score_1_7' AND score BETWEEN 1 AND 7)"
            " OR (scale = 'thumbs' AND score BETWEEN 0 AND 1)",
            name=op.f("ck_ratings_score_range"),
        ),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_ratings_revision")),
        sa.CheckConstraint("active_ms >= 0", name=op.f("ck_ratings_active_ms")),
    )
    op.create_index("ix_ratings_response_id", "ratings", ["response_id"])
    op.create_index("ix_ratings_rater_id_given_at", "ratings", ["rater_id", "given_at"])
    op.create_index(
        "uq_ratings_one_current",
        "ratings",
        ["response_id", "rater_id"],
        unique=True,
        sqlite_where=sa.text("is_current = 1"),
        postgresql_where=sa.text("is_current"),
    )


def _who_holds_what() -> None:
    op.create_table(
        "leases",
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("response_id", sa.Integer(), nullable=False),
        sa.Column("shown_at", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("rater_id", name="pk_leases"),
        sa.ForeignKeyConstraint(["rater_id"], ["users.id"], name="fk_leases_rater_id_users"),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name="fk_leases_response_id_responses"),
    )
    op.create_index("ix_leases_response_id", "leases", ["response_id"])
    op.create_table(
        "snapshot_ratings",
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("rating_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("round_number", "rating_id", name="pk_snapshot_ratings"),
        sa.ForeignKeyConstraint(
            ["round_number"], ["rounds.number"], name="fk_snapshot_ratings_round_number_rounds"
        ),
        sa.ForeignKeyConstraint(["rating_id"], ["ratings.id"], name="fk_snapshot_ratings_rating_id_ratings"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON()),
        sa.Column("worker", sa.Text()),
        sa.Column("heartbeat_at", sa.Double()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("log_tail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.CheckConstraint("kind IN ('generate', 'train')", name=op.f("ck_jobs_kind")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_jobs_state")
        ),
    )
    active = sa.text("state IN ('queued', 'running')")
    op.create_index(
        "uq_jobs_one_active", "jobs", ["kind"], unique=True, sqlite_where=active, postgresql_where=active
    )


def _journal() -> None:
    op.create_table(
        "steps",
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("round_number", "step", name="pk_steps"),
        sa.ForeignKeyConstraint(["round_number"], ["rounds.number"], name="fk_steps_round_number_rounds"),
    )
    op.create_table(
        "samples",
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version_number", "prompt_id", "seed", name="pk_samples"),
        sa.ForeignKeyConstraint(
            ["version_number"], ["policy_versions.number"], name="fk_samples_version_number_policy_versions"
        ),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name="fk_samples_prompt_id_prompts"),
    )
    op.create_table(
        "guidelines",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_guidelines"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
