"""Small widgets that every page is made of."""

from soc_copilot.ui.widgets.cards import Card, EmptyState, hline
from soc_copilot.ui.widgets.delegates import (
    PAD,
    ROLE_BAR,
    ROLE_SEVERITY,
    BarDelegate,
    SeverityDelegate,
    paint_severity_shape,
)
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel, safe_tip
from soc_copilot.ui.widgets.messages import MessageBar

__all__ = [
    "PAD",
    "ROLE_BAR",
    "ROLE_SEVERITY",
    "BarDelegate",
    "Card",
    "ElidedLabel",
    "EmptyState",
    "MessageBar",
    "PlainLabel",
    "SeverityDelegate",
    "hline",
    "paint_severity_shape",
    "safe_tip",
]
