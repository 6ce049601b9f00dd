"""Files in and out: import, export, one-file cases."""
