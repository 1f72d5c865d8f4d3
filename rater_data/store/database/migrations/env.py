"""Run by Alembic from `migrate`, which hands over a connection that is inside a transaction."""

from alembic import context

from rater_data.store.database.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
