"""Values that every layer shares: no Qt, no database, no torch."""
