"""Training of the host detector from recordings, and its figures."""
