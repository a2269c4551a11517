from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.engine.interfaces import ReflectedIndex

from app.storage import portals, schema
from app.storage.database import Database
from app.storage.tables import metadata


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def tables_of(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def test_there_is_one_head() -> None:
    script = ScriptDirectory.from_config(schema._config())  # noqa: SLF001 - the folder of the migrations
    assert script.get_heads() == [schema.HEAD]
    assert schema.HEAD != ""


def test_up_from_nothing_and_down_again(empty: Database) -> None:
    assert schema.current(empty) == ""
    schema.upgrade(empty)
    assert schema.current(empty) == schema.HEAD
    assert tables_of(empty) == set(metadata.tables) | {"alembic_version"}
    schema.downgrade(empty, "base")
    assert schema.current(empty) == ""
    assert tables_of(empty) == {"alembic_version"}
    schema.upgrade(empty)
    assert schema.current(empty) == schema.HEAD


def test_the_migrations_make_the_tables_of_the_code(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_partial_indexes_and_foreign_keys_are_migrated_with_their_conditions(empty: Database) -> None:
    schema.upgrade(empty)
    inspector = inspect(empty.engine)
    dialect = empty.url.get_backend_name()
    for table in metadata.tables.values():
        partial = {str(one.name) for one in table.indexes if one.dialect_options[dialect]["where"] is not None}
        indexes = inspector.get_indexes(table.name)
        assert {str(one["name"]) for one in indexes if _condition(one, dialect)} == partial
        keys = {(one.parent.name, one.target_fullname, one.ondelete or "") for one in table.foreign_keys}
        assert {
            (
                one["constrained_columns"][0],
                f"{one['referred_table']}.{one['referred_columns'][0]}",
                one["options"].get("ondelete", ""),
            )
            for one in inspector.get_foreign_keys(table.name)
        } == keys


def _condition(index: ReflectedIndex, dialect: str) -> bool:
    return index.get("dialect_options", {}).get(f"{dialect}_where") is not None


def test_a_second_upgrade_changes_nothing_and_keeps_what_is_stored(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.write() as connection:
        portals.add(connection, 4711, name="Kept", refresh_token="sealed")
    before = tables_of(empty)
    schema.upgrade(empty)
    assert schema.current(empty) == schema.HEAD
    assert tables_of(empty) == before
    with empty.read() as connection:
        kept = portals.get(connection, 4711)
    assert kept is not None
    assert (kept.name, kept.refresh_token) == ("Kept", "sealed")
