"""Alembic's environment: migrations run on the connection that ``app.storage.schema`` hands over."""

from __future__ import annotations

from alembic import context

from app.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter a column in place; batches make a new table and copy.
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
