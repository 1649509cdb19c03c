"""Runs migrations on the connection that ``workers.api.store.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from workers.api.store.models import Base


def run() -> None:
    """Run what was asked for."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        # SQLite alters tables by copying them.
        render_as_batch=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
