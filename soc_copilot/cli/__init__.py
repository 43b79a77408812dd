"""Every job from a terminal; needs no display, imports no Qt."""
