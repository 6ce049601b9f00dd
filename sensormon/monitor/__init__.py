"""One running or stopped monitor: assembly, retention, verification, drills."""
