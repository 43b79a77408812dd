"""Compares screenshots with those of protected brands."""
