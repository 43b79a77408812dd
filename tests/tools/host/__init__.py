"""Recordings of programs at work, harmless and harmful, in folders made for them."""
