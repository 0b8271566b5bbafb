import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from feature_store.database import make_engine, migrations_folder, open_database, reading, upgrade, writing
from feature_store.errors import SetupError
from feature_store.identity import IdentityEdgeRow
from feature_store.settings import StoreSettings
from recsys.errors import UnavailableError


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "postgresql":
        made = make_engine(request.getfixturevalue("postgresql_url"))
        with made.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    else:
        made = make_engine(f"sqlite:///{tmp_path}/新 店 50%/recsys.db")
    yield made
    made.dispose()


def test_opening_makes_the_folder_and_the_schema(tmp_path: Path) -> None:
    settings = StoreSettings(home=tmp_path / "home", database_url=f"sqlite:///{tmp_path}/home/recsys.db")
    engine = open_database(settings)
    assert "identity_edges" in inspect(engine).get_table_names()
    engine.dispose()


def test_the_migrations_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    upgrade(engine)
    ours = IdentityEdgeRow.metadata

    def is_ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
        return kind != "table" or name == IdentityEdgeRow.__tablename__

    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_ours})
        assert compare_metadata(context, ours) == []


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO identity_edges (from_id, into_id, at) VALUES ('访客', 'u', 1)"))
    upgrade(engine)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT from_id FROM identity_edges")).scalars().all() == ["访客"]


UPGRADE = """
import sys
from feature_store.database import make_engine, upgrade
upgrade(make_engine(sys.argv[1]))
"""


def test_processes_that_upgrade_at_once_do_not_meet(engine: Engine) -> None:
    command = [sys.executable, "-c", UPGRADE, engine.url.render_as_string(hide_password=False)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert "identity_edges" in inspect(engine).get_table_names()


def test_writers_that_read_first_do_not_lose_an_update(engine: Engine) -> None:
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO identity_edges (from_id, into_id, at) VALUES ('a', 'b', 0)"))

    def count() -> None:
        for _ in range(10):
            with writing(engine, "identity_edges") as connection:
                at = connection.execute(text("SELECT at FROM identity_edges")).scalar_one()
                connection.execute(text("UPDATE identity_edges SET at = :at"), {"at": at + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT at FROM identity_edges")).scalar_one() == 40


def test_an_exception_takes_everything_back(engine: Engine) -> None:
    upgrade(engine)
    with pytest.raises(RuntimeError), writing(engine) as connection:
        connection.execute(text("INSERT INTO identity_edges (from_id, into_id, at) VALUES ('a', 'b', 0)"))
        raise RuntimeError
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM identity_edges")).scalar_one() == 0


def test_a_database_of_a_newer_version_is_refused_with_the_way_out(engine: Engine) -> None:
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SetupError, match="newer version of recsys"):
        upgrade(engine)


def test_an_absent_database_is_unavailable(short_folder: Path) -> None:
    engine = make_engine(f"postgresql+psycopg://nobody@/shop?host={short_folder}")
    with pytest.raises(UnavailableError, match="the database does not answer"):
        upgrade(engine)
    engine.dispose()


def test_a_sqlite_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}")
    with pytest.raises(UnavailableError), reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()


def test_migrations_are_one_line_and_in_the_package_or_the_checkout() -> None:
    names = sorted(path.name for path in (migrations_folder() / "versions").glob("[0-9]*.py"))
    assert names[0] == "0001_identity_edges.py"
    assert [name[:4] for name in names] == [f"{number:04d}" for number in range(1, len(names) + 1)]


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    binaries = _postgresql_binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is missing; apt-get install postgresql")
        pytest.skip("PostgreSQL is not installed")
    # the server refuses to run as root
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="rp"))
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    control = [str(binaries / "pg_ctl"), "-D", str(data), "-w", "-s"]
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    quiet = {"user": user, "cwd": folder, "check": True, "capture_output": True}
    subprocess.run(
        [str(binaries / "initdb"), "-D", str(data), "-U", "shop", "-A", "trust", "-E", "UTF8", "--locale=C"],
        **quiet,  # type: ignore[call-overload]
    )
    subprocess.run([*control, "-l", str(folder / "log"), "-o", options, "start"], **quiet)  # type: ignore[call-overload]
    try:
        yield f"postgresql+psycopg://shop@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)  # type: ignore[call-overload]
        shutil.rmtree(folder)


def _postgresql_binaries() -> Path | None:
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve())
    if os.geteuid() == 0 and not any(entry.pw_name == "nobody" for entry in pwd.getpwall()):
        return None
    return found[-1].parent if found else None
