"""Records in: tailing files, watching folders, micro-batches. No Qt, no database, no detectors."""
