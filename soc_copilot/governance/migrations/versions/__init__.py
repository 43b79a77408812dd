"""Schema revisions, oldest first by name."""
