"""Training and measuring the load detector."""
