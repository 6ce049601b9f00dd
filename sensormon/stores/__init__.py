"""Where readings are kept, and the newest of them in memory."""
