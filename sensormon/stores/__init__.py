"""Storage of readings: the database, and the newest readings in memory."""
