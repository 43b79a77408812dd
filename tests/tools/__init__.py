"""Programs that make what the tests and samples hold."""
