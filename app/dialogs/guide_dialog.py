"""The user guide in a window of its own: chapters at the left, the text, and a field that finds words in all of it."""

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QColor, QShortcut, QTextCursor, QTextTable
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QListWidget, QTextBrowser, QVBoxLayout, QWidget

from app.guide import Chapter, chapters
from app.tokens import tokens
from app.widgets.sentence import Sentence

_SIZE_PX = (900, 680)
_LIST_PX = 200
_CELL_PX, _AIR_PX, _HEADING_PX = 5, 8, 18


class GuideDialog(QDialog):
    """It blocks nothing, so that the guide can be read beside the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setWindowTitle("Inferometer guide")
        self.resize(*_SIZE_PX)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find in the guide")
        self.field.setAccessibleName("Find in the guide")
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._on_find)
        self.field.returnPressed.connect(self._on_next)
        self.told = Sentence("", "muted", "small")
        self.list = QListWidget()
        self.list.setAccessibleName("Chapters")
        self.list.setFixedWidth(_LIST_PX)
        self.list.setSpacing(2)
        self.list.setUniformItemSizes(True)
        self.list.addItems([chapter.title for chapter in chapters()])
        self.list.currentRowChanged.connect(self._on_chapter)
        self.text = QTextBrowser()
        self.text.setAccessibleName("Guide")
        self.text.setOpenLinks(False)
        side = QVBoxLayout()
        for widget in (self.field, self.told, self.list):
            side.addWidget(widget)
        layout = QHBoxLayout(self)
        layout.addLayout(side)
        layout.addWidget(self.text, 1)
        QShortcut("Ctrl+F", self, self.field.setFocus)
        QShortcut("F3", self, self._on_next)
        self.list.setCurrentRow(0)

    @property
    def chapter(self) -> Chapter:
        """What is shown."""
        return chapters()[max(0, self.list.currentRow())]

    def show_chapter(self, name: str) -> None:
        """Show this chapter; the first where there is none of that name."""
        names = [chapter.name for chapter in chapters()]
        self.list.setCurrentRow(names.index(name) if name in names else 0)

    @Slot(int)
    def _on_chapter(self, row: int) -> None:
        self.text.setMarkdown(chapters()[max(0, row)].text)
        self._set_type()

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: other colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._set_type()

    def _set_type(self) -> None:
        """Markdown knows no distances and no colours of lines."""
        document = self.text.document()
        for frame in document.rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                table = frame.format().toTableFormat()
                table.setBorderBrush(QColor(tokens().line))
                table.setCellPadding(_CELL_PX)
                table.setTopMargin(_AIR_PX)
                frame.setFormat(table)
        block = document.begin()
        while block.isValid():
            shape = block.blockFormat()
            level = shape.headingLevel()
            if level or not QTextCursor(block).currentTable():
                shape.setTopMargin(_HEADING_PX if level > 1 else _AIR_PX if not block.textList() else 2)
                shape.setBottomMargin(_AIR_PX if level else 2)
                QTextCursor(block).setBlockFormat(shape)
            block = block.next()

    @Slot(str)
    def _on_find(self, words: str) -> None:
        """Go to the first place that holds the words, from the chapter in sight on."""
        self.told.show_text("", "muted")
        if not words:
            return
        here = max(0, self.list.currentRow())
        order = [*range(here, len(chapters())), *range(here)]
        for row in order:
            if words.casefold() in chapters()[row].text.casefold():
                self.list.setCurrentRow(row)
                self.text.moveCursor(QTextCursor.MoveOperation.Start)
                if self.text.find(words):
                    return
        self.told.show_text("Nothing found.", "muted")

    @Slot()
    def _on_next(self) -> None:
        """The next place in the chapter, then in those after it."""
        words = self.field.text()
        if not words or self.text.find(words):
            return
        count, here = len(chapters()), max(0, self.list.currentRow())
        for step in range(1, count + 1):
            row = (here + step) % count
            if words.casefold() in chapters()[row].text.casefold():
                self.list.setCurrentRow(row)
                self.text.moveCursor(QTextCursor.MoveOperation.Start)
                self.text.find(words)
                return
