#!/bin/sh
# Makes the folders that the containers share, and gives the Dagster instance its settings. Run as root before them.
set -eu
install -d -m 0750 -o 10001 -g 10001 "$VWE_HOME" "$VWE_HOME/data" "$VWE_HOME/.vwe" "$VWE_HOME/.cache" "$DAGSTER_HOME"
install -d -m 0700 -o 10001 -g 10001 "$TMPDIR"
ln -sfn /opt/vwe/dagster.yaml "$DAGSTER_HOME/dagster.yaml"
