"""Run by alembic, with the connection that :meth:`deploy.console.store.database.Database` made."""

from alembic import context

from deploy.console.store.tables import Base

if hasattr(context, "config"):  # there only where alembic runs this; doctest imports it too
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()
