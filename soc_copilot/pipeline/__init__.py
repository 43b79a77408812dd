"""The one way through: read, parse, detect, alert, commit."""
