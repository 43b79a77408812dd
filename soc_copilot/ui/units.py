"""Durations, sizes and counts in the few words that a screen has room for."""


def seconds_text(milliseconds: float) -> str:
    """A latency for people: "38 ms", "0.21 s", "14 s", "3 min"."""
    seconds = milliseconds / 1_000
    if seconds < 0.1:
        return f"{milliseconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def size_text(size_bytes: float) -> str:
    """Bytes for people, decimal units: "84 MB"."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1_000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:.1f} TB"


def count_text(value: float) -> str:
    """A count for an axis: "950", "12k", "1.2M"."""
    for limit, divisor, unit in ((1e3, 1.0, ""), (1e6, 1e3, "k"), (float("inf"), 1e6, "M")):
        if abs(value) < limit:
            shown = value / divisor
            text = f"{shown:.0f}" if abs(shown) >= 10 or shown == int(shown) else f"{shown:.1f}"
            return f"{text}{unit}"
    return ""
