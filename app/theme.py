"""Puts a theme on the application: tokens → palette and stylesheet, again whenever the choice or the system changes."""

from typing import Literal, get_args

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from app.stylesheet import stylesheet
from app.tokens import DARK, LIGHT, Tokens

ThemeChoice = Literal["system", "light", "dark"]
THEME_CHOICES: tuple[ThemeChoice, ...] = get_args(ThemeChoice)


def palette_of(chosen: Tokens) -> QPalette:
    """The tokens as Qt's roles, for all that the stylesheet does not name."""
    role = QPalette.ColorRole
    palette = QPalette()
    for target, color in {
        role.Window: chosen.ground,
        role.WindowText: chosen.text,
        role.Base: chosen.surface,
        role.AlternateBase: chosen.raised,
        role.Text: chosen.text,
        role.Button: chosen.surface,
        role.ButtonText: chosen.text,
        role.BrightText: chosen.broken,
        role.PlaceholderText: chosen.muted,
        role.ToolTipBase: chosen.raised,
        role.ToolTipText: chosen.text,
        role.Highlight: chosen.accent,
        role.HighlightedText: chosen.on_accent,
        role.Accent: chosen.accent,
        role.Link: chosen.accent,
        role.LinkVisited: chosen.accent,
        role.Light: chosen.raised,
        role.Midlight: chosen.raised,
        role.Mid: chosen.line,
        role.Dark: chosen.line,
        role.Shadow: chosen.ground,
    }.items():
        palette.setColor(target, QColor(color))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(chosen.faint))
    return palette


class ThemeSwitch(QObject):
    """Puts a theme on the application and follows the system's while that is the choice.

    Signals:
        changed: the tokens are others now; widgets that Qt repaints anyway need not listen.
    """

    changed = Signal()

    def __init__(self, application: QApplication, choice: ThemeChoice = "system") -> None:
        super().__init__(application)
        self._application = application
        self._choice = choice
        if not application.styleSheet():  # else it was set before
            application.setStyle(QStyleFactory.create("Fusion"))
        application.styleHints().colorSchemeChanged.connect(self._on_system_changed)
        self.choose(choice)

    @property
    def choice(self) -> ThemeChoice:
        """What the user asked for."""
        return self._choice

    def choose(self, choice: ThemeChoice) -> None:
        """Show this theme from now on."""
        self._choice = choice
        hints = self._application.styleHints()
        # Native frames and file dialogs follow the hint where the platform supports it; our own colours do not depend on it.
        hints.setColorScheme(
            {"system": Qt.ColorScheme.Unknown, "light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}[choice]
        )
        self._put_on()

    def _put_on(self) -> None:
        is_dark = self._choice == "dark" or (
            self._choice == "system" and self._application.styleHints().colorScheme() == Qt.ColorScheme.Dark
        )
        chosen = DARK if is_dark else LIGHT
        sheet = stylesheet(chosen)
        if self._application.styleSheet() == sheet:
            return  # worn already; Qt would lay out every widget anew
        self._application.setPalette(palette_of(chosen))
        self._application.setStyleSheet(sheet)
        self.changed.emit()

    @Slot()
    def _on_system_changed(self) -> None:
        if self._choice == "system":
            self._put_on()
