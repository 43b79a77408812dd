"""The governance database: kill switch, audit chain, sources, positions, batches, alerts."""
