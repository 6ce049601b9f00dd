"""The words everybody uses: readings, batches, tags, entries, settings, status, errors, the clock."""
