"""Flagged readings as events, and what people do with them."""
