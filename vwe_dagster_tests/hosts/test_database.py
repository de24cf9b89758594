"""A worker checks the database of the center before it takes runs; no message contains the password."""

from __future__ import annotations

import pytest

from vwe_dagster.config.broker import DATABASE_VARIABLE
from vwe_dagster.hosts.database import DatabaseError, check_database


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is not set"),
        ("dagster:secret@center", "is not the URL of a Postgres server"),
        ("mysql://dagster:secret@center/dagster", "is not the URL of a Postgres server"),
        ("postgresql+psycopg2://dagster:secret@center:port/dagster", "is not the URL of a Postgres server"),
        ("postgresql+psycopg2://dagster:secret@127.0.0.1:1/dagster", "port 1 failed: Connection refused"),
        ("postgresql+psycopg2://dagster:secret@center.invalid/dagster", "could not translate host name"),
        ("postgresql+psycopg2://dagster:secret@127.0.0.1:1/dagster?patience=5", "invalid connection option"),
    ],
)
def test_unusable_database_is_reported_without_its_password(url: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message) as raised:
        check_database({DATABASE_VARIABLE: url})
    assert DATABASE_VARIABLE in str(raised.value)
    assert "secret" not in str(raised.value)
