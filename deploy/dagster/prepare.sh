#!/bin/sh
# Creates the folders that the containers share, the password of the database, and the settings of the Dagster
# instance. Run as root before them.
set -eu
install -d -m 0750 -o 10001 -g 10001 "$VWE_HOME" "$VWE_HOME/data" "$VWE_HOME/.vwe" "$VWE_HOME/.cache" "$DAGSTER_HOME"
install -d -m 0700 -o 10001 -g 10001 "$TMPDIR"
ln -sfn "${VWE_INSTANCE_SETTINGS:-/opt/vwe/dagster.yaml}" "$DAGSTER_HOME/dagster.yaml"

# The user 999 is postgres in Postgres's image. A database keeps its first password.
secrets=${VWE_SECRETS:-/run/vwe-secrets}
install -d -m 0700 -o 999 -g 999 "$secrets/postgres"
install -d -m 0700 -o 10001 -g 10001 "$secrets/dagster"
umask 077
password=${VWE_DATABASE_PASSWORD:-}
if [ -z "$password" ] && [ -s "$secrets/postgres/password" ]; then
    password=$(cat "$secrets/postgres/password")
fi
if [ -z "$password" ]; then
    password=$(head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
fi
# A colon ends a field of a password file.
escaped=$(printf '%s' "$password" | sed 's/[\\:]/\\&/g')
printf '%s' "$password" >"$secrets/new"
install -m 0400 -o 999 -g 999 "$secrets/new" "$secrets/postgres/password"
printf 'database:5432:dagster:dagster:%s\n' "$escaped" >"$secrets/new"
install -m 0400 -o 10001 -g 10001 "$secrets/new" "$secrets/dagster/pgpass"
rm "$secrets/new"
