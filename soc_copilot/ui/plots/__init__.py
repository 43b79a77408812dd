"""Live plots: fixed memory, one time axis, values under the crosshair."""
