"""The host detector: what programs do to files, told from what destroys them."""
