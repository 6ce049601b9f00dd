"""A folder of files that loggers write. What reads them is `intake/folder.py`, since it needs `exchange`."""
