"""Every event, kept in Parquet segments that the database registers; search, retention."""
