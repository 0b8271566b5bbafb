"""The migrations make exactly the tables the code reads, and can take them away again."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from feature_store.database import Base, make_engine, migrations_folder, upgrade
from serving.control.tables import AccessKeyRow, AuditRow, ScenarioRow, SeedRow

OURS = {row.__tablename__ for row in (AccessKeyRow, AuditRow, ScenarioRow, SeedRow)}


def is_ours(thing: Any, name: str | None, kind: str, *_: object) -> bool:
    return (name if kind == "table" else thing.table.name) in OURS


def test_the_migrated_database_has_every_table_column_and_index_of_the_code(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'recsys.db'}")
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": is_ours}
        )
        assert compare_metadata(context, Base.metadata) == []
    assert set(inspect(engine).get_table_names()) >= OURS
    engine.dispose()


def test_the_revision_can_be_taken_back(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'recsys.db'}")
    upgrade(engine)
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    assert not set(inspect(engine).get_table_names()) & OURS
    engine.dispose()
