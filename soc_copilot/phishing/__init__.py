"""The way of a suspicious content: cache, queue, parts in parallel, one answer."""
