"""How Alembic runs a migration: on the connection that `store.open` hands it, in its transaction.

For a new revision, from the checkout: write `versions/000N_what.py` by hand, and set `tables.HEAD`.
"""

from __future__ import annotations

from alembic import context

from tocsin.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
