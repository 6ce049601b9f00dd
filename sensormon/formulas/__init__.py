"""Calculated tags: expressions over tags, checked and evaluated."""
