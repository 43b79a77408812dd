"""The brands that pages are compared with, as a table."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

from typing_extensions import override

from soc_copilot.domain.brand import Brand
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.widgets.labels import safe_tip

CELL_CHARS: Final = 120  # chosen


class BrandColumn(IntEnum):
    """Places of the columns."""

    NAME = 0
    DOMAINS = 1
    PICTURES = 2


class BrandModel(RowModel):
    """One row for each brand, by name."""

    headers = ("Brand", "Own domains", "Pictures")
    numbers = frozenset({BrandColumn.PICTURES})
    _rows: tuple[Brand, ...] = ()

    @property
    def rows(self) -> tuple[Brand, ...]:
        """What is shown."""
        return self._rows

    def row(self, place: int) -> Brand | None:
        """The brand at a place."""
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def place_of(self, brand_id: int) -> int | None:
        """Where a brand stands."""
        return next((at for at, one in enumerate(self._rows) if one.id == brand_id), None)

    def set_rows(self, rows: Sequence[Brand]) -> None:
        """Show these."""
        self.replace_rows(tuple(rows))

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        brand = self.row(index.row()) if index.isValid() else None
        if brand is None:
            return None
        column = index.column()
        if role == Role.DisplayRole:
            if column == BrandColumn.PICTURES:
                return f"{brand.n_references:,}"
            text = brand.name if column == BrandColumn.NAME else ", ".join(brand.domains)
            return render_safe(text, CELL_CHARS)
        if role == Role.ToolTipRole:
            return safe_tip("\n".join([brand.name, *brand.domains]))
        return self.alignment(column) if role == Role.TextAlignmentRole else None
