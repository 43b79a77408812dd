"""The brands that pages are compared with, as a table."""

from enum import IntEnum
from typing import Any, Final

from typing_extensions import override

from soc_copilot.domain.brand import Brand
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.models.rows import GivenRows, Role
from soc_copilot.ui.widgets.labels import safe_tip

CELL_CHARS: Final = 120  # chosen


class BrandColumn(IntEnum):
    """Places of the columns."""

    NAME = 0
    DOMAINS = 1
    PICTURES = 2


class BrandModel(GivenRows[Brand]):
    """One row for each brand, by name."""

    headers = ("Brand", "Own domains", "Pictures")
    numbers = frozenset({BrandColumn.PICTURES})

    def place_of(self, brand_id: int) -> int | None:
        """Where a brand stands."""
        return next((at for at, one in enumerate(self._rows) if one.id == brand_id), None)

    @override
    def cell(self, brand: Brand, column: int, role: int) -> Any:
        if role == Role.DisplayRole:
            if column == BrandColumn.PICTURES:
                return f"{brand.n_references:,}"
            text = brand.name if column == BrandColumn.NAME else ", ".join(brand.domains)
            return render_safe(text, CELL_CHARS)
        if role == Role.ToolTipRole:
            return safe_tip("\n".join([brand.name, *brand.domains]))
        return self.alignment(column) if role == Role.TextAlignmentRole else None
