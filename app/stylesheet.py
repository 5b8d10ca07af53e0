"""The one application stylesheet, made from tokens. It names controls only: cards, tiles, plots, the matrix paint themselves."""

import dataclasses
from string import Template

from app.icons import icon_path
from app.tokens import Tokens

_SHEET = Template("""
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 4px 6px; }

QPushButton {
    background: $surface; color: $text; border: 1px solid $line; border-radius: 6px; padding: 6px 12px; min-height: 16px;
}
QPushButton:hover { background: $raised; }
QPushButton:pressed { background: $line; }
QPushButton:focus { border: 2px solid $accent; padding: 5px 11px; }
QPushButton:disabled { color: $faint; }
QPushButton[look="primary"] { background: $accent; color: $on_accent; border: 1px solid $accent; font-weight: 600; }
QPushButton[look="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[look="primary"]:focus { border: 2px solid $text; }
QPushButton[look="primary"]:disabled { background: $raised; color: $faint; border-color: $line; }
QPushButton[look="link"] { background: transparent; border: 1px solid transparent; color: $accent; padding: 3px 6px; }
QPushButton[look="link"]:hover { background: $raised; }
QPushButton[look="link"]:focus { border: 1px solid $accent; padding: 3px 6px; }
QPushButton[look="quiet"] { background: transparent; border: 1px solid transparent; color: $muted; padding: 1px 9px; }
QPushButton[look="quiet"]:hover { color: $text; background: $raised; }
QPushButton[look="quiet"]:focus { border: 1px solid $accent; padding: 1px 9px; }
QPushButton[look="chip"] { background: $raised; border: 1px solid $line; border-radius: 12px; padding: 3px 9px; }
QPushButton[look="chip"]:hover { border-color: $muted; }
QPushButton[look="chip"]:checked { background: $surface; border: 1px solid $accent; color: $accent; font-weight: 600; }
QPushButton[look="chip"]:focus { border: 2px solid $accent; padding: 2px 8px; }
QPushButton[look="chip"]:checked:focus { border: 2px solid $accent; background: $raised; }
QPushButton[look="chip"]:disabled { color: $faint; }

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QTextEdit {
    background: $raised; color: $text; border: 1px solid $line; border-radius: 6px; padding: 5px 8px;
    selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus, QTextEdit:focus {
    border: 2px solid $accent; padding: 4px 7px;
}
QLineEdit[tone="broken"], QSpinBox[tone="broken"], QDoubleSpinBox[tone="broken"], QComboBox[tone="broken"] {
    border-color: $broken;
}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled { color: $faint; }
QComboBox { padding-right: 22px; }
QComboBox::drop-down { subcontrol-origin: border; subcontrol-position: center right; border: none; width: 22px; }
QComboBox::down-arrow { image: url("$chevron_down"); width: 10px; height: 10px; }
QComboBox QAbstractItemView {
    background: $surface; color: $text; border: 1px solid $line; outline: none;
    selection-background-color: $raised; selection-color: $text;
}
QSpinBox, QDoubleSpinBox { padding: 4px 20px 4px 0; }
QSpinBox:focus, QDoubleSpinBox:focus { padding: 3px 19px 3px 0; }
QSpinBox::up-button, QDoubleSpinBox::up-button {
    subcontrol-origin: border; subcontrol-position: top right; border: none; width: 20px; margin-top: 2px;
}
QSpinBox::down-button, QDoubleSpinBox::down-button {
    subcontrol-origin: border; subcontrol-position: bottom right; border: none; width: 20px; margin-bottom: 2px;
}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url("$chevron_up"); width: 9px; height: 9px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url("$chevron_down"); width: 9px; height: 9px; }

QTextEdit[look="bare"] { background: transparent; border: 1px solid transparent; padding: 0; }
QTextEdit[look="bare"]:focus { border: 1px solid $accent; padding: 0; }

QCheckBox { spacing: 7px; }
QCheckBox::indicator, QTableView::indicator, QListView::indicator {
    width: 14px; height: 14px; border: 1px solid $muted; border-radius: 4px; background: $raised;
}
QCheckBox::indicator:hover { border-color: $accent; }
QCheckBox::indicator:focus { border: 2px solid $accent; width: 12px; height: 12px; }
QCheckBox::indicator:checked, QTableView::indicator:checked, QListView::indicator:checked {
    background: $accent; border-color: $accent; image: url("$check");
}
QCheckBox::indicator:checked:focus { border-color: $text; }
QCheckBox:disabled { color: $faint; }

QLabel[tone="muted"] { color: $muted; }
QLabel[tone="met"] { color: $met; }
QLabel[tone="broken"] { color: $broken; }
QLabel[tone="caution"] { color: $caution; }

QMenuBar { background: $surface; border-bottom: 1px solid $line; }
QMenuBar::item { background: transparent; padding: 5px 9px; }
QMenuBar::item:selected { background: $raised; }
QMenu { background: $surface; border: 1px solid $line; padding: 4px 0; }
QMenu::item { padding: 5px 24px 5px 16px; }
QMenu::item:selected { background: $raised; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $line; margin: 4px 0; }

QStatusBar { background: $surface; border-top: 1px solid $line; }
QStatusBar::item { border: none; }

QTableView, QListView, QTreeView {
    background: $surface; color: $text; border: none; gridline-color: $grid; outline: none;
    selection-background-color: $raised; selection-color: $text; alternate-background-color: $surface;
}
QTableView:focus, QListView:focus, QTreeView:focus { border: 1px solid $accent; border-radius: 4px; }
QTableView::item { padding: 4px 8px; border-bottom: 1px solid $grid; }
QTableView::item:selected { background: $raised; color: $text; }
QTableView::item:focus { border: 1px solid $accent; }
QDialog QListView { border: 1px solid $line; border-radius: 6px; }
QListView::item { padding: 4px 8px; }
QListView::item:selected { background: $raised; color: $text; }
QHeaderView { background: $surface; }
QHeaderView::section {
    background: $surface; color: $muted; border: none; border-bottom: 1px solid $line; padding: 5px 8px;
    font-size: 11px; font-weight: 400;
}
QTableCornerButton::section { background: $surface; border: none; }

QScrollArea { background: transparent; border: none; }
QScrollArea[look="keys"] { border: 1px solid transparent; border-radius: 4px; padding: 1px; }
QScrollArea[look="keys"]:focus { border: 1px solid $accent; }
QScrollArea > QWidget > QWidget[look="canvas"] { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $line; border-radius: 4px; margin: 1px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QProgressBar { background: $raised; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QSplitter::handle { background: transparent; }
""")


def stylesheet(chosen: Tokens) -> str:
    """The rules for every control, in these colours."""
    return _SHEET.substitute(
        dataclasses.asdict(chosen),
        chevron_down=icon_path("chevron-down"),
        chevron_up=icon_path("chevron-up"),
        check=icon_path(f"check-on-{chosen.name}"),
    )
