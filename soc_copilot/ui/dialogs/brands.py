"""The brands that pages are compared with: their names, own domains, and pictures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QIcon, QPixmap
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid
from typing_extensions import override

from soc_copilot.detection.phishing.mailboxes import Place, read
from soc_copilot.domain.brand import MAX_NAME_CHARS, Brand, BrandReference
from soc_copilot.domain.errors import SocCopilotError
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.files import Mode, ask_paths
from soc_copilot.ui.dialogs.frame import DeskDialog
from soc_copilot.ui.models.brands import BrandColumn, BrandModel
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.phishing_input import local_paths
from soc_copilot.ui.widgets.picture import picture_of
from soc_copilot.ui.widgets.tables import desk_table

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from soc_copilot.governance.database import Governance

T = TypeVar("T")

TEXT: Final = (
    "A page that looks like one of these and stands on a foreign domain is phishing. Give each "
    "brand its own domains, and screenshots of its sign-in pages. Every change is audited."
)
DOMAINS_HINT: Final = "One a line, such as example.com; hosts below it are its own, too."
PICTURES_HINT: Final = "Drop screenshots here, or choose files. They stay on this machine."
WIDE_PX: Final = 900
LIST_PX: Final = 372
THUMB: Final = QSize(128, 88)  # px, chosen: a page can be told from another
Reference = tuple[BrandReference, "QImage | None"]
MakeReference = Callable[[bytes], tuple[bytes, bytes]]
"""From a screenshot to a small PNG and what the visual model makes of it."""


class PictureStrip(QListWidget):
    """A brand's pictures side by side; files may be dropped on it.

    Signals:
        files_given: Paths that were dropped.
    """

    files_given = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setIconSize(THUMB)
        self.setGridSize(QSize(THUMB.width() + 12, THUMB.height() + 12))
        self.setMovement(QListWidget.Movement.Static)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setFixedHeight(THUMB.height() + 36)
        self.setObjectName("kinds")
        self.setAccessibleName("Pictures of the brand")
        self.setAcceptDrops(True)

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_paths(event.mimeData()):
            event.acceptProposedAction()

    @override
    def dragMoveEvent(self, event: QDragEnterEvent) -> None:  # type: ignore[override]  # as Qt calls it
        event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        if paths := local_paths(event.mimeData()):
            event.acceptProposedAction()
            self.files_given.emit(paths)


class BrandsDialog(DeskDialog):
    """Brands at the left, one of them at the right. What is changed is stored at once, in jobs.

    Args:
        desk: The desk.
        parent: The window.
        make_reference: Makes a picture to keep of a screenshot; None for the visual model's.
    """

    def __init__(
        self, desk: Desk, parent: QWidget | None, make_reference: MakeReference | None = None
    ) -> None:
        super().__init__(parent, "Protected brands", TEXT, "Done", width=WIDE_PX)
        self.cancel_button.hide()
        self.accept_button.setAutoDefault(False)
        self.accept_button.setDefault(False)
        self._desk = desk
        self._make = make_reference or reference_of
        self._brand: Brand | None = None
        self.model = BrandModel(self)
        row = QHBoxLayout()
        row.setSpacing(3 * GRID)
        row.addLayout(self._build_list())
        row.addWidget(self._build_form(), 1)
        self.body.addLayout(row)
        self.problem = PlainLabel("", "error", wrap=True, selectable=True)
        self.problem.hide()
        self.body.addWidget(self.problem)
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.remove_button.hide()
        self._show_brand(None)
        self._read()

    # -- building

    def _build_list(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(GRID)
        widths = {BrandColumn.NAME: 136, BrandColumn.PICTURES: 76}
        self.table = desk_table(self.model, "Brands", widths, stretch=BrandColumn.DOMAINS)
        self.table.setFixedWidth(LIST_PX)
        self.table.setMinimumHeight(300)
        self.none_yet = PlainLabel(
            "No brand so far. Give the first one a name and its domains at the right.", "muted",
            wrap=True,
        )  # fmt: skip
        self.none_yet.setFixedWidth(LIST_PX)
        self.none_yet.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.none_yet.setMinimumHeight(300)
        self.table.hide()  # until it is known that there are any
        column.addWidget(self.none_yet, 1)
        column.addWidget(self.table, 1)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.new_button = self._button("New brand", self.start_new)
        self.remove_button = self._button("Remove", self.remove)
        self.remove_button.setProperty("kind", "danger")
        row.addWidget(self.new_button)
        row.addWidget(self.remove_button)
        row.addStretch(1)
        column.addLayout(row)
        return column

    def _build_form(self) -> QWidget:
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        self.name_edit = QLineEdit()
        self.name_edit.setMaxLength(MAX_NAME_CHARS)
        self.name_edit.setPlaceholderText("Example Bank")
        self.domains_edit = QPlainTextEdit()
        self.domains_edit.setTabChangesFocus(True)
        self.domains_edit.setFixedHeight(84)
        self.domains_edit.setPlaceholderText("example.com\nexample.net")
        for title, field, hint in (
            ("Name", self.name_edit, ""), ("Own domains", self.domains_edit, DOMAINS_HINT),
        ):  # fmt: skip
            label = PlainLabel(title, "strong")
            label.setBuddy(field)
            field.setAccessibleName(title)
            column.addWidget(label)
            column.addWidget(field)
            if hint:
                column.addWidget(PlainLabel(hint, "small", wrap=True))
        self.save_button = self._button("Save", self.save)
        row = QHBoxLayout()
        row.addWidget(self.save_button)
        row.addStretch(1)
        column.addLayout(row)
        column.addSpacing(GRID)
        column.addWidget(PlainLabel("Screenshots", "strong"))
        self.strip = PictureStrip()
        self.strip.files_given.connect(self.add_pictures)
        self.strip.itemSelectionChanged.connect(self._allow)
        column.addWidget(self.strip)
        column.addWidget(PlainLabel(PICTURES_HINT, "small", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.picture_button = self._button("Add screenshots…", self._ask_pictures)
        self.unpicture_button = self._button("Remove the screenshot", self.remove_picture)
        row.addWidget(self.picture_button)
        row.addWidget(self.unpicture_button)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(1)
        self.name_edit.textChanged.connect(self._allow)
        self.domains_edit.textChanged.connect(self._allow)
        return form

    def _button(self, text: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    # -- reading

    def _read(self, wanted: int | None = None) -> None:
        """Read the brands, and select one of them."""

        def take(brands: tuple[Brand, ...]) -> None:
            if not isValid(self):
                return
            self.model.set_rows(brands)
            self.none_yet.setVisible(not brands)
            self.table.setVisible(bool(brands))
            place = self.model.place_of(wanted) if wanted is not None else None
            if place is None and brands and self._brand is None and wanted is None:
                place = 0
            if place is not None:
                self.table.selectRow(place)
                self._show_brand(self.model.row(place))

        self._desk.jobs.submit(lambda governance: governance.brands.all(), take, self._say)

    def _on_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self._show_brand(self.model.row(current.row()))

    def _show_brand(self, brand: Brand | None) -> None:
        is_same = brand is not None and brand == self._brand
        self._brand = brand
        self._say("")
        if not is_same:
            self.name_edit.setText(brand.name if brand is not None else "")
            self.domains_edit.setPlainText("\n".join(brand.domains) if brand is not None else "")
            self.strip.clear()
        self._allow()
        if brand is not None and brand.n_references:
            self._read_pictures(brand.id)

    def _read_pictures(self, brand_id: int) -> None:
        def run(governance: "Governance") -> list[Reference]:
            return [(one, _image(one.png)) for one in governance.brands.references(brand_id)]

        def take(found: list[Reference]) -> None:
            if isValid(self) and self._brand is not None and self._brand.id == brand_id:
                self._show_pictures(found)

        self._desk.jobs.submit(run, take, self._say)

    def _show_pictures(self, found: Sequence[Reference]) -> None:
        self.strip.clear()
        for reference, image in found:
            item = QListWidgetItem()
            if image is not None:
                item.setIcon(QIcon(QPixmap.fromImage(image)))
            item.setData(Qt.ItemDataRole.UserRole, reference.id)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Screenshot {reference.id}")
            self.strip.addItem(item)
        self._allow()

    # -- changing

    @property
    def domains(self) -> list[str]:
        """What was typed, one a line."""
        return [line.strip() for line in self.domains_edit.toPlainText().split("\n")]

    def start_new(self) -> None:
        """Empty the form for another brand."""
        self.table.clearSelection()
        self.table.setCurrentIndex(QModelIndex())
        self._show_brand(None)
        self.name_edit.setFocus()

    def save(self) -> None:
        """Store the brand that is in the form."""
        brand, name, domains = self._brand, self.name_edit.text(), self.domains

        def write(governance: "Governance") -> Brand:
            if brand is None:
                return governance.brands.add(name, domains)
            return governance.brands.change(brand.id, name, domains)

        self._change(write, lambda stored: self._read(stored.id))

    def remove(self) -> None:
        """Remove the selected brand and its pictures."""
        if self._brand is None:
            return
        brand_id = self._brand.id
        self._brand = None
        self._show_brand(None)
        self._change(lambda governance: governance.brands.remove(brand_id), lambda _: self._read())

    def add_pictures(self, paths: Sequence[Path]) -> None:
        """Add screenshots to the selected brand."""
        if self._brand is None:
            self._say("Save the brand first, then add its screenshots.")
            return
        brand_id, make = self._brand.id, self._make

        def write(governance: "Governance") -> None:
            for path in paths:
                png, embedding = make(read(Place(path, path.name)))
                governance.brands.add_reference(brand_id, png, embedding)

        self.picture_button.setEnabled(False)
        # The model's thread: what is made of a picture comes from the visual model.
        self._change(write, lambda _: self._read(brand_id), submit=self._desk.jobs.submit_model)

    def remove_picture(self) -> None:
        """Remove the selected screenshot."""
        items = self.strip.selectedItems()
        if self._brand is None or not items:
            return
        brand_id, reference_id = self._brand.id, int(items[0].data(Qt.ItemDataRole.UserRole))
        self.strip.clear()
        self._change(
            lambda governance: governance.brands.remove_reference(reference_id),
            lambda _: self._read(brand_id),
        )

    def _change(
        self,
        write: "Callable[[Governance], T]",
        done: Callable[[T], None],
        submit: "Callable[..., object] | None" = None,
    ) -> None:
        self._say("")

        def stored(result: T) -> None:
            if isValid(self):
                done(result)
                self._allow()

        (submit or self._desk.jobs.submit)(write, stored, self._say)

    def _ask_pictures(self) -> None:
        ask_paths(
            self, "Add screenshots", self.add_pictures,
            mode=Mode.ExistingFiles, kinds=["Screenshots (*.png *.jpg *.jpeg *.webp)"],
        )  # fmt: skip

    def _say(self, text: str) -> None:
        if isValid(self):
            self.problem.setText(text)
            self.problem.setVisible(bool(text))
            if text:
                self._allow()

    def _allow(self) -> None:
        brand = self._brand
        name, domains = self.name_edit.text().strip(), [one for one in self.domains if one]
        is_new = brand is None or (name, domains) != (brand.name, list(brand.domains))
        self.save_button.setEnabled(bool(name) and is_new)
        self.save_button.setText("Add" if brand is None else "Save")
        self.remove_button.setVisible(brand is not None)
        self.picture_button.setEnabled(brand is not None)
        self.unpicture_button.setEnabled(bool(self.strip.selectedItems()))


def _image(png: bytes) -> "QImage | None":
    try:
        return picture_of(png, THUMB)
    except SocCopilotError:
        return None


def reference_of(png: bytes) -> tuple[bytes, bytes]:
    """A screenshot as it is kept, and what the visual model makes of it; loads the model.

    Raises:
        ParseError: It is no screenshot.
    """
    from soc_copilot.phishing.references import make_reference

    return make_reference(png)
