"""What shall be compared and how: the sides, what counts as the same, axes to ignore."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.pages.compare.comparing import Request
from app.pages.compare.side_field import SideField
from app.widgets.card import Card
from app.widgets.chips import Chips, Choice
from app.widgets.number_field import RealField
from app.widgets.sentence import Sentence, set_tone
from profiler.analysis.comparison.result import Options
from profiler.records.axis import BY_NAME

MOST_OTHERS = 4
_CHIP_DROP_PX = 3  # so that the first row of chips stands in the middle of the line
_FIELD_PX = 96
_LINE_PX = 30
_LEAST_SAME_PERCENT, _MOST_SAME_PERCENT = 0.1, 50.0


class ChoiceCard(Card):
    """The fields.

    Signals:
        changed: the person chose something else.
    """

    changed = Signal()

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.setAccessibleName("What to compare")
        self._folder = folder
        self._offered: tuple[Path, ...] = ()
        self.base = SideField("Base", folder)
        self.base.chosen.connect(self.changed)
        self.others: list[SideField] = []
        self.swap_button = QPushButton("⇄ Swap")
        self.swap_button.setAccessibleName("Swap")
        self.swap_button.setToolTip("The base and the first other session change places")
        self.swap_button.clicked.connect(self._on_swap)
        self.more_button = QPushButton("Add another")
        self.more_button.setProperty("look", "link")
        self.more_button.setToolTip("Hold one more session against the base")
        self.more_button.clicked.connect(self._on_more)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(2, 1)
        self._grid.addWidget(self.base, 0, 0)
        self._grid.addWidget(self.swap_button, 0, 1)
        self._grid.addWidget(self.more_button, 0, 3)
        self.body.addLayout(self._grid)

        self.same_field = RealField(_LEAST_SAME_PERCENT, _MOST_SAME_PERCENT, "%")
        self.same_field.setValue(Options().same_within_percent)
        self.same_field.setAccessibleName("Same within, per cent either way")
        self.same_field.setToolTip("A shift whose 90 % interval lies within ± this counts as none")
        self.same_field.setKeyboardTracking(False)
        self.same_field.setFixedSize(_FIELD_PX, _LINE_PX)
        self.same_field.valueChanged.connect(self.changed)
        self.ignore_chips = Chips(several=True)
        self.ignore_chips.setAccessibleName("Ignore these axes")
        self.ignore_chips.chosen.connect(self.changed)
        self._ignore_label = _words("Ignore")
        self._ignore_label.setToolTip("Match cells although they differ on these axes; offered are those with other values")
        options = QHBoxLayout()
        options.setSpacing(8)
        options.addWidget(_words("Same within ±"), 0, Qt.AlignmentFlag.AlignTop)
        options.addWidget(self.same_field, 0, Qt.AlignmentFlag.AlignTop)
        options.addSpacing(12)
        options.addWidget(self._ignore_label, 0, Qt.AlignmentFlag.AlignTop)
        chips = QVBoxLayout()
        chips.setContentsMargins(0, _CHIP_DROP_PX, 0, 0)
        chips.addWidget(self.ignore_chips)
        options.addLayout(chips, 1)
        options.addStretch(0)
        self.body.addLayout(options)
        self._baseline = Sentence("", "muted", "small")
        self._baseline.hide()
        self.body.addWidget(self._baseline)
        self._add_other()
        self.show_axes(())

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """The chosen files, the base first."""
        return tuple(field.path for field in (self.base, *self.others))

    def request(self) -> Request | None:
        """What shall be compared; None while a base or anything to hold against it is missing."""
        base, *others = self.paths
        named = [path for path in others if path is not None]
        if base is None or not named:
            return None
        ignored = tuple(str(axis) for axis in self.ignore_chips.values())
        return Request((base, *named), Options(ignored, same_within_percent=self.same_field.value()))

    def offer(self, paths: Sequence[Path]) -> None:
        """Offer these sessions on every side."""
        self._offered = tuple(paths)
        for field in (self.base, *self.others):
            field.offer(paths)

    def show_baseline(self, path: Path | None) -> None:
        """Tell which session is pinned, if one is."""
        self._baseline.setVisible(path is not None)
        self._baseline.show_text("" if path is None else f"**{path.stem}** is pinned as the baseline.", "muted")

    def show_paths(self, paths: Sequence[Path | None]) -> None:
        """Choose these files, the base first."""
        while len(self.others) > max(1, len(paths) - 1):
            self._remove(self.others[-1])
        while len(self.others) < min(len(paths) - 1, MOST_OTHERS):
            self._add_other()
        # Every side knows the others' files, so that two of one name are told apart.
        chosen = [path for path in paths if path is not None]
        self.offer(tuple(dict.fromkeys((*self._offered, *chosen))))
        for field, path in zip((self.base, *self.others), (*paths, None), strict=False):
            field.show_path(path)

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Several files replace all; one takes the first empty side, or that of the last session."""
        if len(paths) > 1:
            self.show_paths(paths)
            return
        sides = (self.base, *self.others)
        empty = next((field for field in sides if field.path is None), sides[-1])
        for path in paths:
            empty.show_path(path)

    def show_axes(self, names: Sequence[str]) -> None:
        """Offer these axes to be ignored, and those that are."""
        kept = [str(name) for name in self.ignore_chips.values()]
        offered = [name for name in BY_NAME if name in names or name in kept]
        self.ignore_chips.set_choices([Choice(name, BY_NAME[name].label, BY_NAME[name].option) for name in offered])
        self._ignore_label.setVisible(bool(offered))
        self.ignore_chips.setVisible(bool(offered))

    def _add_other(self) -> None:
        field = SideField("With", self._folder)
        field.offer(self._offered)
        field.chosen.connect(self.changed)
        field.remove_wanted.connect(self._on_remove)
        self.others.append(field)
        self._lay_out(field)
        self._order_focus()

    def _remove(self, field: SideField) -> None:
        self.others.remove(field)
        for widget in (field, field.remove_button):
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        for other in self.others:
            self._lay_out(other)
        self._order_focus()

    def _lay_out(self, field: SideField) -> None:
        row = self.others.index(field)
        self._grid.addWidget(field, row, 2)
        if row:
            self._grid.addWidget(field.remove_button, row, 3, Qt.AlignmentFlag.AlignLeft)
            field.remove_button.show()

    def _order_focus(self) -> None:
        """From the base over the others to the options, whenever they were made."""
        self.more_button.setEnabled(len(self.others) < MOST_OTHERS)
        order: list[QWidget] = [self.base.choice, self.base.file_button, self.swap_button]
        for field in self.others:
            order += [field.choice, field.file_button, field.remove_button]
        order += [self.more_button, self.same_field]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    @Slot()
    def _on_swap(self) -> None:
        base, first, *rest = self.paths
        self.show_paths((first, base, *rest))
        self.changed.emit()

    @Slot()
    def _on_more(self) -> None:
        self._add_other()
        self.others[-1].choice.setFocus()

    @Slot()
    def _on_remove(self) -> None:
        field = self.sender()
        assert isinstance(field, SideField)
        self._remove(field)
        self.more_button.setFocus()
        self.changed.emit()


def _words(text: str) -> QLabel:
    label = QLabel(text)
    label.setMinimumHeight(_LINE_PX)
    set_tone(label, "muted")
    return label
