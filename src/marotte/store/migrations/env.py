"""What Alembic runs: the migrations, on the connection that ``marotte.store.schema`` hands over."""

from alembic import context

from marotte.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
