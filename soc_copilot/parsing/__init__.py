"""Raw lines to event columns, one module a format."""
