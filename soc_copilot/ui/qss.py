"""The style sheet: colours only by role (`$role`), sizes only from the theme."""

from typing import Final

SHEET: Final = """
QWidget { color: $text; font-size: $base; }
QMainWindow, QDialog, #page, #content { background: $background; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 4px 8px; }

#topbar, #rail, #strip { background: $surface; border: 0 solid $line; }
#topbar { border-bottom-width: 1px; }
#rail { border-right-width: 1px; }
#strip { border-top-width: 1px; }

#card { background: $surface; border: 1px solid $line; border-radius: $radius; }
#card[clickable="true"]:hover { border-color: $muted; }
#card:focus { border-color: $accent; }

QLabel { background: transparent; }
QLabel[kind="product"] { font-size: $title; font-weight: 600; }
QLabel[kind="badge"] {
  background: $info; color: $background; border-radius: 9px; padding: 1px 8px; font-weight: 600;
  font-size: $small;
}
QLabel[severity="critical"] { background: $critical; color: $on_critical; }
QLabel[severity="high"] { background: $high; }
QLabel[severity="medium"] { background: $medium; }
QLabel[severity="low"] { background: $low; }
#chip { background: transparent; border: 1px solid $line; border-radius: $radius; }
#chip[look="on"] { border-color: $ok; }
#chip[look="halted"] { border-color: $critical; }
#dot { background: $muted; border-radius: 4px; }
#dot[look="on"] { background: $ok; }
#dot[look="busy"] { background: $medium; }
#dot[look="halted"] { background: $critical; }
QLabel[look="on"] { color: $ok; font-weight: 600; }
QLabel[look="off"] { color: $muted; font-weight: 600; }
QLabel[look="busy"] { color: $medium; font-weight: 600; }
QLabel[look="halted"] { color: $critical; font-weight: 600; }
#panel { background: $raised; border: 1px solid $line; border-radius: $radius; }
#panel QListView { background: $raised; }
#search { background: $field; padding: 0; min-height: 28px; }
QToolButton[kind="icon"] { background: transparent; border: 1px solid transparent; padding: 0; }
QToolButton[kind="icon"]:hover { background: $hover; }
QToolButton[kind="icon"]:focus { border-color: $accent; }
QLabel[kind="muted"] { color: $muted; }
QLabel[kind="small"] { color: $muted; font-size: $small; }
QLabel[kind="title"] { font-size: $title; font-weight: 600; }
QLabel[kind="heading"] { font-weight: 600; }
QLabel[kind="number"] { font-size: $number; font-weight: 600; }
QLabel[kind="strong"] { font-weight: 600; }
QLabel[kind="critical"] { color: $critical; font-weight: 600; }
QLabel[kind="high"] { color: $high; font-weight: 600; }
QLabel[kind="medium"] { color: $medium; font-weight: 600; }
QLabel[kind="low"] { color: $low; font-weight: 600; }
QLabel[kind="accent"] { color: $accent; font-weight: 600; }
QLabel[kind="info"] { color: $info; font-weight: 600; }
#hline { background: $line; border: 0; }
QLabel[kind="ok"] { color: $ok; font-weight: 600; }
QLabel[kind="error"] { color: $critical; }
QLabel[kind="key"] {
  color: $muted; font-size: $small; border: 1px solid $line; border-radius: 3px; padding: 0 4px;
}

QPushButton, QToolButton {
  background: $raised; color: $text; border: 1px solid $line; border-radius: $radius;
  padding: 5px 12px; min-height: 16px;
}
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:pressed, QToolButton:pressed { background: $selection; }
QPushButton:focus, QToolButton:focus { border-color: $accent; outline: none; }
QPushButton:disabled, QToolButton:disabled { color: $muted; background: $surface; }
QPushButton:checked, QToolButton:checked { background: $selection; border-color: $accent; }
QPushButton::menu-indicator, QToolButton::menu-indicator { image: none; width: 0; }
QPushButton[kind="primary"] {
  background: $accent; color: $on_accent; border-color: $accent; font-weight: 600;
}
QPushButton[kind="primary"]:hover { border-color: $text; }
QPushButton[kind="primary"]:focus { border: 2px solid $text; padding: 4px 11px; }
QPushButton[kind="primary"]:disabled { background: $raised; color: $muted; border-color: $line; }
QPushButton[kind="danger"] { color: $critical; }
QPushButton[kind="danger-solid"] {
  background: $critical; color: $on_critical; border-color: $critical; font-weight: 600;
}
QPushButton[kind="danger-solid"]:focus { border: 2px solid $text; padding: 4px 11px; }
QPushButton[kind="danger-solid"]:disabled {
  background: $raised; color: $muted; border-color: $line;
}
QPushButton[kind="good"] { color: $ok; border-color: $ok; }
QPushButton[kind="link"] {
  background: transparent; border: 1px solid transparent; color: $accent; padding: 2px 4px;
}
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border-color: $accent; }
QPushButton[kind="flat"], QToolButton[kind="flat"] {
  background: transparent; border: 1px solid transparent;
}
QPushButton[kind="flat"]:hover, QToolButton[kind="flat"]:hover { background: $hover; }
QPushButton[kind="flat"]:focus, QToolButton[kind="flat"]:focus { border-color: $accent; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox, QDateTimeEdit {
  background: $field; color: $text; border: 1px solid $line; border-radius: $radius;
  padding: 5px 8px; selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit, QPlainTextEdit, QTextEdit { placeholder-text-color: $muted; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus,
QComboBox:focus, QDateTimeEdit:focus { border-color: $accent; }
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled { color: $muted; }
QComboBox::drop-down { border: 0; width: 24px; }
QComboBox::down-arrow { image: url("$controls/arrow-$look.svg"); width: 16px; height: 16px; }
QComboBox QAbstractItemView {
  background: $raised; border: 1px solid $line; selection-background-color: $selection;
  selection-color: $text; outline: none; padding: 4px;
}
QCheckBox, QRadioButton { spacing: 8px; background: transparent; }
QCheckBox:focus, QRadioButton:focus { color: $accent; }
QCheckBox::indicator, QRadioButton::indicator {
  width: 14px; height: 14px; background: $field; border: 1px solid $muted;
}
QCheckBox::indicator { border-radius: 3px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover, QCheckBox::indicator:focus,
QRadioButton::indicator:focus { border-color: $accent; }
QCheckBox::indicator:checked {
  background: $accent; border-color: $accent; image: url("$controls/tick-$look.svg");
}
QRadioButton::indicator:checked {
  width: 6px; height: 6px; border: 5px solid $accent; background: $on_accent;
}

QMenuBar { background: $surface; border-bottom: 1px solid $line; padding: 0 8px; }
QMenuBar::item { background: transparent; padding: 4px 8px; border-radius: 3px; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $raised; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 24px; border-radius: 3px; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QMenu::icon { padding-left: 6px; }

QTableView, QListView, QTreeView {
  background: $surface; border: 0; gridline-color: $line; outline: none;
  selection-background-color: $selection; selection-color: $text;
}
QTableView::item { padding: 0 5px; border: 0; border-bottom: 1px solid $line; }
QTableView::item:selected { background: $selection; color: $text; }
QTableView:focus, QListView:focus, QTreeView:focus { outline: none; }
#kinds { border: 1px solid $line; border-radius: $radius; padding: 2px; }
#kinds:focus { border-color: $accent; }
#desktable { border: 1px solid transparent; border-radius: 3px; }
#desktable:focus { border-color: $accent; }
QHeaderView { background: $surface; border: 0; }
QHeaderView::section {
  background: $surface; color: $muted; border: 0; border-bottom: 1px solid $line;
  padding: 0 8px; height: 28px;
}
QHeaderView::section:hover { color: $text; }
QTableCornerButton::section { background: $surface; border: 0; }

QScrollArea { background: transparent; border: 0; }
QAbstractScrollArea::corner { background: transparent; border: 0; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $line; border-radius: 3px; margin: 2px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $line; }
QProgressBar {
  background: $track; border: 0; border-radius: 3px; height: 6px; max-height: 6px;
}
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QSlider::groove:horizontal { background: $track; height: 4px; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal {
  background: $text; width: 12px; height: 12px; margin: -4px 0; border-radius: 6px;
}
QSlider::handle:horizontal:focus { background: $accent; }
QTabBar::tab { background: transparent; color: $muted; padding: 8px 12px; border: 0;
  border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:focus { color: $accent; }
QTabWidget::pane { border: 0; border-top: 1px solid $line; }
QGroupBox { border: 0; font-weight: 600; margin-top: 16px; }

#rail QPushButton {
  background: transparent; border: 1px solid transparent; border-radius: $radius;
  text-align: left; padding: 0 8px; min-height: 30px;
}
#rail QPushButton:hover { background: $hover; }
#rail QPushButton:checked { background: $selection; font-weight: 600; }
#rail QPushButton:focus { border-color: $accent; }
#strip QPushButton {
  background: transparent; border: 1px solid transparent; border-radius: 3px; padding: 0 6px;
  font-size: $small; min-height: 18px; color: $muted;
}
#strip QPushButton:hover { background: $hover; color: $text; }
#strip QPushButton:focus { border-color: $accent; }
#strip QLabel { color: $muted; font-size: $small; }

#messagebar { background: $raised; border: 1px solid $line; border-radius: $radius; }
#messagebar[level="error"] { border-color: $critical; }
#messagebar[level="warning"] { border-color: $medium; }
#messagebar[level="ok"] { border-color: $ok; }
#band { background: $critical; border-radius: $radius; }
#band QLabel { color: $on_critical; font-weight: 600; }
#band QPushButton {
  background: transparent; color: $on_critical; border: 1px solid $on_critical;
}
#band QPushButton:focus { border-width: 2px; padding: 4px 11px; }
#diskband { background: $medium; border-radius: $radius; }
#diskband QLabel { color: $background; font-weight: 600; }
#diskband QPushButton { background: transparent; color: $background; border-color: $background; }
#diskband QPushButton:focus { border-width: 2px; padding: 4px 11px; }
#pill { background: $accent; color: $on_accent; border: 0; border-radius: 12px;
  padding: 4px 12px; font-weight: 600; }
"""
