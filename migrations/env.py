"""Runs migrations on the connection that feature_store.database hands over, or on RECSYS_DATABASE_URL."""

from importlib import import_module
from importlib.util import find_spec

from alembic import context

from feature_store.database import Base, make_engine, writing
from feature_store.settings import StoreSettings

# What `alembic revision --autogenerate` compares with; an upgrade needs none of it.
for module in ("feature_store.identity", "serving.control.tables"):
    if context.config.attributes.get("connection") is None and find_spec(module) is not None:
        import_module(module)


def run(connection):
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    with writing(make_engine(StoreSettings.load().database_url)) as own:
        run(own)
