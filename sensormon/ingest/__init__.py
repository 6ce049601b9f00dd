"""The way in: validate, score, journal, load, recover."""
