"""SOC Copilot: live logs in, explained alerts out, one kill switch."""

__version__ = "0.1.0"
