#!/bin/sh
# What a container runs: it lays out what must be writable, then becomes the command, so that signals reach it.
set -eu
rm -rf "$TMPDIR" # what a kill left behind
mkdir -p "$TMPDIR" "$NUMBA_CACHE_DIR"
cp -R -p /opt/sensormon/kernels/. "$NUMBA_CACHE_DIR" # numba opens no cache that it cannot write
if [ ! -e "$SENSORMON_TAGS" ]; then
    cp /opt/sensormon/data/tags.toml "$SENSORMON_TAGS" # beside the data, so that the Data page can edit it
fi
exec "$@"
