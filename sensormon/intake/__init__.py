"""The named sources of a running monitor: `sources.toml`, their threads, their secrets and their health."""
