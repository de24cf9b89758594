#!/usr/bin/env bash
# Starts the dedicated server as an engine, with the arguments that a pool passes to every engine:
#
#   entrypoint.sh --tcp HOST:PORT --token-file FILE [--name NAME] [--idle-exit-minutes M]
#
# The server's files are in a temporary folder. Exit codes: the server's own once it runs; 2 with an error message if
# an argument, a setting or the image is invalid.
set -euo pipefail

: "${VALHEIM_HOME:=/opt/valheim}"
: "${VALHEIM_SCRATCH:=/tmp/valheim}"

refuse() {
    echo "$1" >&2
    exit 2
}

while (($#)); do
    case $1 in
    --socket | --socket=*) refuse "This engine listens on TCP only; set the pool's connection to tcp." ;;
    --tcp | --token-file | --name | --idle-exit-minutes)
        (($# > 1)) || refuse "$1 needs a value."
        case $1 in
        --tcp) export VWE_ENGINE_LISTEN=$2 ;;
        --token-file) export VWE_ENGINE_TOKEN_FILE=$2 ;;
        --name) export VWE_ENGINE_NAME=$2 ;;
        --idle-exit-minutes) export VWE_ENGINE_IDLE_EXIT_MINUTES=$2 ;;
        esac
        shift 2
        ;;
    *) refuse "Unknown argument $1; use --tcp, --token-file, --name and --idle-exit-minutes." ;;
    esac
done
[[ -n ${VWE_ENGINE_LISTEN:-} ]] || refuse "Missing --tcp; pass an address, such as --tcp 0.0.0.0:8471."
[[ -n ${VWE_ENGINE_TOKEN_FILE:-} ]] || refuse "Missing --token-file; an engine on TCP needs a token, so that only its pool can use it."
[[ -f $VWE_ENGINE_TOKEN_FILE && -r $VWE_ENGINE_TOKEN_FILE ]] || refuse "The token file $VWE_ENGINE_TOKEN_FILE cannot be read; check its path and permissions."
# The server has another working directory.
[[ $VWE_ENGINE_TOKEN_FILE == /* ]] || VWE_ENGINE_TOKEN_FILE=$PWD/$VWE_ENGINE_TOKEN_FILE

# This server is not for players, but it does not start without a password of at least five characters.
password=${VALHEIM_PASSWORD:-$(od -An -N 12 -tx1 /dev/urandom | tr -d ' \n')}
((${#password} >= 5)) || refuse "VALHEIM_PASSWORD has ${#password} characters; the server needs at least 5."
server=$VALHEIM_HOME/valheim_server.x86_64
[[ -x $server ]] || refuse "The server $server is missing; build the image with the game in it."

# BepInEx writes into its own folder, and the image may be read-only.
mkdir -p "$VALHEIM_SCRATCH/save" "$VALHEIM_SCRATCH/home" || refuse "$VALHEIM_SCRATCH cannot be written to; mount a tmpfs there."
rm -rf "$VALHEIM_SCRATCH/BepInEx"
cp -R "$VALHEIM_HOME/BepInEx" "$VALHEIM_SCRATCH/BepInEx"

export HOME=$VALHEIM_SCRATCH/home
export SteamAppId=892970
export DOORSTOP_ENABLED=1
export DOORSTOP_TARGET_ASSEMBLY=$VALHEIM_SCRATCH/BepInEx/core/BepInEx.Preloader.dll
export LD_LIBRARY_PATH=$VALHEIM_HOME/doorstop_libs:$VALHEIM_HOME/linux64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# Input of the health check.
printf '%s\n' "${VWE_ENGINE_LISTEN%:*}" "${VWE_ENGINE_LISTEN##*:}" "$VWE_ENGINE_TOKEN_FILE" >"$VALHEIM_SCRATCH/listening"

# Replaces this shell, so that the server receives signals and sets the exit code: SIGINT ends it, SIGTERM kills it.
cd "$VALHEIM_HOME"
LD_PRELOAD=libdoorstop_x64.so exec "$server" -nographics -batchmode -name vwe -port 2456 -world vwe \
    -password "$password" -public 0 -savedir "$VALHEIM_SCRATCH/save"
