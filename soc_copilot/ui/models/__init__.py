"""Item models over the governance database, paged by key."""
