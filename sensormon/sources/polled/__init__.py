"""The simulator and recorded files as named sources: they are asked when something is due."""
