"""The Postgres server of the center. A worker checks it before it takes runs, since every run fails without it."""

from __future__ import annotations

import os
from collections.abc import Mapping

import sqlalchemy as sa

from vwe_dagster.config.broker import DATABASE_VARIABLE

_CONNECT_S = 10
_FORM = "postgresql+psycopg2://dagster:PASSWORD@HOST:5432/dagster"
_DIALECT = "postgresql"


class DatabaseError(RuntimeError):
    """The database of the center cannot be used. The message contains a remedy."""


def check_database(environ: Mapping[str, str] = os.environ) -> None:
    """Check that the database answers and has the tables of the center.

    Raises:
        DatabaseError: the variable is not the URL of a Postgres server, the server does not answer or rejects the
            password, or the center does not use the database.
    """
    text = environ.get(DATABASE_VARIABLE, "").strip()
    if not text:
        raise DatabaseError(
            f"{DATABASE_VARIABLE} is not set; set it to the Postgres server of the center, as in {_FORM}."
        )
    engine = sa.create_engine(
        _parsed(text), poolclass=sa.NullPool, connect_args={"connect_timeout": _CONNECT_S}, hide_parameters=True
    )
    try:
        with engine.connect() as connection:
            has_runs = sa.inspect(connection).has_table("runs")
    except sa.exc.DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise DatabaseError(
            f"The Postgres server of the center cannot be used ({reason}); check the host, the password and the "
            f"database in {DATABASE_VARIABLE}, the network, and pg_hba.conf on the center."
        ) from error
    if not has_runs:
        raise DatabaseError(
            f"The database in {DATABASE_VARIABLE} has no runs of a center; correct its name, or start the center first."
        )


def _parsed(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
        is_postgres = url.get_backend_name() == _DIALECT and url.get_dialect().driver == "psycopg2"
    except (sa.exc.ArgumentError, ValueError):
        is_postgres = False
    if not is_postgres:
        # The URL may have a password, so the message does not repeat it.
        raise DatabaseError(f"{DATABASE_VARIABLE} is not the URL of a Postgres server; write it as {_FORM}.")
    return url
