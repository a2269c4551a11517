"""What every table is made with: the one description of the schema, and columns that many of them have."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Integer, MetaData
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite only counts up by itself in a column of exactly this type.
Id = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB, "postgresql")


def id_column() -> Column[int]:
    """A row's own number, counted up by the database."""
    return Column("id", Id, primary_key=True, autoincrement=True)


def account_column() -> Column[int]:
    """The account that a row belongs to."""
    return Column("account_id", Id, ForeignKey("accounts.id"), nullable=False)
