"""Saved views of pages, and boards of tiles."""
