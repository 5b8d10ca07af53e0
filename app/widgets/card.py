"""A card: a titled surface for one matter."""

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.tokens import tokens
from app.typeface import font
from app.widgets.elided_label import ElidedLabel
from app.widgets.plain_label import PlainLabel
from app.widgets.sentence import Tone, set_tone
from app.widgets.surface import paint_surface

PADDING_PX = 12


class Card(QWidget):
    """A bordered surface with an optional title line.

    Attributes:
        header: the title's line; further widgets of the card's head go to its right end.
        body: where the content goes.
    """

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stripe: Tone = "plain"
        outer = QVBoxLayout(self)
        outer.setContentsMargins(PADDING_PX + 1, PADDING_PX - 1, PADDING_PX + 1, PADDING_PX + 1)
        outer.setSpacing(8)
        self.header = QHBoxLayout()
        self.header.setSpacing(8)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        if title:
            self.setAccessibleName(title)
            label = PlainLabel(title)
            label.setFont(font("card title"))
            self._subtitle = ElidedLabel("", "small")
            set_tone(self._subtitle, "muted")
            self.header.addWidget(label)
            self.header.addWidget(self._subtitle)
            self.header.addStretch(1)
            outer.addLayout(self.header)
            self._title = label
        outer.addLayout(self.body, 1)

    def set_title(self, title: str, subtitle: str = "") -> None:
        """Change the words of the title line of a card that was made with one."""
        self.setAccessibleName(title)
        self._title.setText(title)
        self._subtitle.show_text(subtitle)

    def add_beside_title(self, widget: QWidget) -> None:
        """Put a legend or another small thing behind the title and subtitle."""
        self.header.insertWidget(self.header.indexOf(self._subtitle) + 1, widget)

    def set_stripe(self, tone: Tone) -> None:
        """Mark the left edge by `tone`; the card's words must tell the same."""
        self._stripe = tone
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the surface."""
        colors = tokens()
        stripes = {"met": colors.met, "broken": colors.broken, "caution": colors.caution, "muted": colors.muted}
        painter = QPainter(self)
        paint_surface(painter, QRectF(self.rect()), colors, stripes.get(self._stripe))
        painter.end()
