"""Whether the focus came by keyboard, for widgets that paint it themselves: a ring after a click only disturbs."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFocusEvent

_REASONS = frozenset({Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason})


def is_by_keyboard(event: QFocusEvent) -> bool:
    """Whether a key brought the focus here."""
    return event.reason() in _REASONS
