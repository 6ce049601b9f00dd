"""Flagged readings as events, and people's actions on them."""
