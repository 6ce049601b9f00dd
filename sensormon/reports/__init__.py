"""A board or a view as PDF, on demand and on a schedule."""
