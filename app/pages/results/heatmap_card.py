"""Any figure over any two of the axes that vary, as a heatmap."""

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app.plots.heatmap_plot import HeatmapPlot
from app.typeface import font
from app.widgets.card import Card
from app.widgets.choice_field import ChoiceField
from app.widgets.flow_layout import FlowLayout
from app.widgets.sentence import set_tone
from profiler.exchange.findings.copied import CopiedTable
from profiler.exchange.findings.figure_words import figure_title, known_figures
from profiler.exchange.findings.heatmap import (
    BROKEN_WORDS,
    FAILED_WORDS,
    FEW_WORDS,
    HeatCell,
    first_axes,
    heatmap,
    held_words,
    most_measured,
    other_axes,
    values_on,
)
from profiler.exchange.findings.session_view import CellView, SessionView
from profiler.plan.cell_words import value_text
from profiler.records.axis import AxisValue

_TITLE = "Heatmap"
_FIRST_FIGURE = "output_tok_s"


class _Named(QWidget):
    """A field with its words before it, which go to the next row together."""

    def __init__(self, words: str, field: ChoiceField) -> None:
        super().__init__()
        self.label = QLabel(words)
        self.label.setFont(font("small"))
        set_tone(self.label, "muted")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.label)
        layout.addWidget(field)


class HeatmapCard(Card):
    """Shown where two axes vary. Axes that are in neither direction are held at a value, which follows the chosen cell.

    Signals:
        cell_chosen: the id of a cell that was chosen.
    """

    cell_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(_TITLE)
        self._view: SessionView | None = None
        self._held: dict[str, AxisValue] = {}
        self.figure = _field("Figure of the heatmap")
        self.across = _field("Axis across")
        self.down = _field("Axis down")
        self.holds: list[ChoiceField] = []
        self._holders: list[_Named] = []
        self._row = FlowLayout(spacing_px=8)
        for words, field in (("Figure", self.figure), ("across", self.across), ("down", self.down)):
            self._row.addWidget(_Named(words, field))
        self.figure.currentIndexChanged.connect(self._on_figure)
        self.across.currentIndexChanged.connect(self._on_across)
        self.down.currentIndexChanged.connect(self._on_down)
        self.plot = HeatmapPlot()
        self.plot.cell_chosen.connect(self.cell_chosen)
        self.body.addLayout(self._row)
        self.body.addWidget(self.plot)
        self.hide()

    def show_session(self, view: SessionView) -> None:
        """Show its cells; the choices stay while they can."""
        self._view = view
        names = known_figures(view.measured)
        self.setVisible(len(view.varying) > 1 and bool(names))
        if self.isHidden():
            return
        _fill(self.figure, [(name, figure_title(name)) for name in names], _FIRST_FIGURE)
        axes = [(axis.name, axis.label) for axis in view.varying]
        first = first_axes(view)
        assert first is not None  # two axes vary
        _fill(self.across, axes, first[0])
        _fill(self.down, axes, next(name for name, _ in axes if name != self.across.value()))
        if self.across.value() == self.down.value():
            self._move_apart(self.down, self.across.value())
        self._show()

    def show_selected(self, cell_ids: Sequence[int], current: CellView | None) -> None:
        """Frame these cells, and show the part of the sweep that the current one is in."""
        if self._view is not None and not self.isHidden() and current is not None:
            self._held = {name: current.configuration.get(name) for name in self._held}
            self._show()
        self.plot.select(cell_ids)

    def copied(self) -> CopiedTable:
        """What is shown, as a table."""
        shown = self.plot.shown
        rows = [
            (
                shown.rows[cell.row],
                shown.columns[cell.column],
                cell.value,
                *(cell.interval or (None, None)),
                _remark(cell),
            )
            for cell in sorted(shown.cells, key=lambda cell: (cell.row, cell.column))
        ]
        title = f"{shown.title}{''.join(f', {words}' for words in self._held_words())}"
        columns = (shown.row_title, shown.column_title, shown.title, "95 % interval from", "to", "Remark")
        return CopiedTable(title, columns, tuple(rows))

    @Slot()
    def _on_figure(self) -> None:
        self._show()

    @Slot()
    def _on_across(self) -> None:
        self._move_apart(self.down, self.across.value())
        self._show()

    @Slot()
    def _on_down(self) -> None:
        self._move_apart(self.across, self.down.value())
        self._show()

    @Slot()
    def _on_held(self) -> None:
        if self._view is None:
            return
        for (name, _), field in zip(self._held.items(), self.holds, strict=False):
            self._held[name] = values_on(self._view, name)[field.currentIndex()]
        self._show()

    def _move_apart(self, field: ChoiceField, taken: str) -> None:
        """One axis cannot go both ways: the other direction takes another one."""
        if field.value() == taken and self._view is not None:
            field.blockSignals(True)
            field.choose(next(axis.name for axis in self._view.varying if axis.name != taken))
            field.blockSignals(False)

    def _show(self) -> None:
        view = self._view
        if view is None:
            return
        across, down = self.across.value(), self.down.value()
        others = [axis.name for axis in other_axes(view, across, down)]
        self._held = {name: self._held.get(name, most_measured(view, name)) for name in others}
        while len(self.holds) < len(others):
            field = _field("")
            field.currentIndexChanged.connect(self._on_held)
            self.holds.append(field)
            self._holders.append(_Named("", field))
            self._row.addWidget(self._holders[-1])
        for holder in self._holders[len(others) :]:
            holder.hide()
        for name, field, holder in zip(others, self.holds, self._holders, strict=False):
            words = next(axis.label for axis in view.varying if axis.name == name).lower()
            values = values_on(view, name)
            _fill(field, [(str(place), value_text(value)) for place, value in enumerate(values)], "0")
            field.blockSignals(True)
            field.setCurrentIndex(values.index(self._held[name]))
            field.blockSignals(False)
            field.setAccessibleName(f"Held at {words}")
            holder.label.setText(f"at {words}")
            holder.show()
        shown = heatmap(view, self.figure.value(), across, down, self._held)
        self.plot.show_map(shown)
        self.set_title(_TITLE, " · ".join([shown.title, *self._held_words()]))

    def _held_words(self) -> list[str]:
        return held_words(self._view, self._held) if self._view is not None else []


def _remark(cell: HeatCell) -> str:
    told = ((FAILED_WORDS, cell.is_failed), (BROKEN_WORDS, cell.is_broken), (FEW_WORDS, cell.is_few))
    return ", ".join(words for words, is_there in told if is_there)


def _field(name: str) -> ChoiceField:
    field = ChoiceField([])
    field.setAccessibleName(name)
    field.setSizeAdjustPolicy(ChoiceField.SizeAdjustPolicy.AdjustToContents)
    return field


def _fill(field: ChoiceField, choices: Sequence[tuple[str, str]], first: str) -> None:
    """Offer these; what was chosen stays chosen while it is offered."""
    before = field.value()
    field.blockSignals(True)
    field.clear()
    for value, words in choices:
        field.addItem(words, value)
    names = [value for value, _ in choices]
    field.choose(before if before in names else first if first in names else names[0])
    field.blockSignals(False)
