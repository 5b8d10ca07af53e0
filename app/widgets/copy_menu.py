"""Copying what a card's figure shows: as a picture, as data, as Markdown. One way for all cards."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QPaintEvent, QPixmap
from PySide6.QtWidgets import QAbstractScrollArea, QMenu, QPushButton

from app.typeface import font
from app.widgets.card import Card
from profiler.exchange.findings.copied import CopiedTable, markdown_table, tab_separated


class CopyButton(QPushButton):
    """The button, which does not show in a picture of its card."""

    def __init__(self) -> None:
        super().__init__("Copy")
        self.is_unseen = False
        self.setProperty("look", "quiet")
        self.setFont(font("small"))
        self.setToolTip("Copy this figure as a picture, as data for a spreadsheet, or as a table in Markdown")

    def paintEvent(self, event: QPaintEvent) -> None:
        """Nothing while a picture is taken."""
        if not self.is_unseen:
            super().paintEvent(event)


class CopyMenu(QObject):
    """Copy from a card: a button in its title line, and the context menu of the card and of all that is in it.

    Args:
        card: a card with a title; the picture is that of all of it, so that title, legend and remarks go along.
        table: what its figure shows; a table without rows cannot be copied as data.

    Attributes:
        button: opens the menu.
        picture, data, markdown: its actions.

    Signals:
        copied: a sentence: what the clipboard holds now.
    """

    copied = Signal(str)

    def __init__(self, card: Card, table: Callable[[], CopiedTable]) -> None:
        super().__init__(card)
        self._card, self._table = card, table
        self.menu = QMenu(card)
        self.picture = self.menu.addAction("Copy as picture")
        self.data = self.menu.addAction("Copy data (tab-separated)")
        self.markdown = self.menu.addAction("Copy as Markdown")
        self.picture.triggered.connect(self._on_picture)
        self.data.triggered.connect(self._on_data)
        self.markdown.triggered.connect(self._on_markdown)
        self.menu.aboutToShow.connect(self._on_about_to_show)
        self.button = CopyButton()
        self.button.setMenu(self.menu)
        self.button.setAccessibleName(f"Copy {card.accessibleName()}")
        card.header.addWidget(self.button)
        card.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        card.customContextMenuRequested.connect(self._on_context_menu)
        for area in card.findChildren(QAbstractScrollArea):  # plots and tables; pyqtgraph's would keep the event to themselves
            area.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    @Slot()
    def _on_about_to_show(self) -> None:
        has_rows = bool(self._table().rows)
        self.data.setEnabled(has_rows)
        self.markdown.setEnabled(has_rows)

    @Slot(QPoint)
    def _on_context_menu(self, position: QPoint) -> None:
        self.menu.popup(self._card.mapToGlobal(position))

    def taken(self) -> QPixmap:
        """The card's picture, without the button."""
        self.button.is_unseen = True
        picture = self._card.grab()
        self.button.is_unseen = False
        return picture

    @Slot()
    def _on_picture(self) -> None:
        QGuiApplication.clipboard().setImage(self.taken().toImage())
        self._tell("as a picture")

    @Slot()
    def _on_data(self) -> None:
        QGuiApplication.clipboard().setText(tab_separated(self._table()))
        self._tell("as data")

    @Slot()
    def _on_markdown(self) -> None:
        QGuiApplication.clipboard().setText(markdown_table(self._table()))
        self._tell("as Markdown")

    def _tell(self, how: str) -> None:
        self.copied.emit(f"“{self._card.accessibleName()}” was copied {how}.")
