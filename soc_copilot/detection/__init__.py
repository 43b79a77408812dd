"""Detectors and the engine that runs them."""
