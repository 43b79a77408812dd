"""The governance database: kill switch, audit chain, sources, batches, alerts, settings."""
