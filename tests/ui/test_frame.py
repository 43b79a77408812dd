from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLineEdit

from soc_copilot.ui.dialogs.frame import REASON_CHARS, DeskDialog, ReasonDialog


def test_a_field_is_named_for_screen_readers_and_its_title_leads_to_it(qtbot):
    dialog = DeskDialog(None, "Title", "Text.", "Do it")
    qtbot.addWidget(dialog)
    field = QLineEdit()
    dialog.add_field("Name", field, "A hint.")
    assert field.accessibleName() == "Name"
    assert (dialog.windowTitle(), dialog.accept_button.text()) == ("Title", "Do it")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)


def test_a_required_reason_enables_the_button_and_is_cut_at_its_limit(qtbot):
    dialog = ReasonDialog(None, "Title", "Text.", "Do it")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    assert not dialog.accept_button.isEnabled()
    dialog.reason_edit.insert("x" * (REASON_CHARS + 9))
    assert dialog.accept_button.isEnabled()
    assert len(dialog.reason) == REASON_CHARS


def test_a_reason_that_is_not_required_may_stay_empty(qtbot):
    dialog = ReasonDialog(None, "Title", "Text.", "Do it", required=False)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.accept_button.click()
    assert dialog.result() == QDialog.DialogCode.Accepted
