"""The vocabulary of every room: readings, batches, tags, entries, settings, status, errors, the clock."""
