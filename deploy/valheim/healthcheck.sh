#!/usr/bin/env bash
# Exit code 0 if the engine in this container answers and is neither starting nor broken.
set -euo pipefail

{ read -r host; read -r port; read -r token_file; } <"${VALHEIM_SCRATCH:-/tmp/valheim}/listening"
case $host in 0.0.0.0 | '*' | +) host=127.0.0.1 ;; esac
exec 3<>"/dev/tcp/$host/$port"
printf 'GET /v1/status HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n' \
    "$host" "$port" "$(<"$token_file")" >&3
answer=$(cat <&3)
[[ $answer == "HTTP/1.1 200 "* && $answer != *'"state":"starting"'* && $answer != *'"state":"error"'* ]]
