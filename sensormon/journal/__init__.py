"""The write-ahead journal and its bytes."""
