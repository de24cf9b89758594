#!/bin/sh
# Brings the schema of the database up to date, then serves the definitions. The other services wait until this one is
# healthy: processes that open an empty database at the same moment create its tables concurrently, and some fail.
set -eu
dagster instance migrate
exec dagster api grpc --host 0.0.0.0 --port 4000 --module-name vwe_dagster.definitions
