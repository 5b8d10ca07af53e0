"""The frontier of speed, memory and quality, and the models' table beneath it."""

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot

from app.pages.results.model_table import ModelTable
from app.plots.three_way_plot import ThreeWayPlot
from app.widgets.card import Card
from app.widgets.sentence import Sentence
from profiler.exchange.findings.contenders import Contenders, axis_words, contenders, marks, quality_base, remark
from profiler.exchange.findings.copied import CopiedTable
from profiler.exchange.findings.marks import Reading
from profiler.exchange.findings.session_view import SessionView

_PLOT_PX = 260
_TITLE = "Speed, memory and quality"


class ThreeWayCard(Card):
    """Shown where there are several models, or a model's quality is known.

    Signals:
        cell_chosen: the id of the best cell of a model that was chosen.
    """

    cell_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(_TITLE)
        self._of: Contenders | None = None
        self._is_following = False
        self.plot = ThreeWayPlot()
        self.plot.setFixedHeight(_PLOT_PX)
        self.plot.chosen.connect(self._on_point_chosen)
        self.remark = Sentence(role="small")
        self.table = ModelTable()
        self.table.chosen.connect(self._on_row_chosen)
        self.body.addWidget(self.plot)
        self.body.addWidget(self.remark)
        self.body.addWidget(self.table)
        self.hide()

    def show_session(self, view: SessionView) -> None:
        """Show its models."""
        of = contenders(view)
        self._of = of
        is_several = len(of.drawn) > 1
        self.setVisible(is_several or any(each.model.quality is not None for each in of.models))
        if self.isHidden():
            return
        self.plot.setVisible(is_several)
        base = quality_base(of)
        title = _TITLE if of.has_quality or not is_several else "Speed and memory"
        told = ["each model at its best cell"] if is_several else []
        told += [f"quality against {base}"] if base else []
        told += ["hollow: another one is as good or better in all"] if any(each.beaten_by for each in of.drawn) else []
        told += ["▲ flagged"] if any(each.cell is not None and each.cell.doubts for each in of.drawn) else []
        self.set_title(title, " · ".join(told))
        words = remark(of) if is_several else ""
        self.remark.show_text(words, "muted")
        self.remark.setVisible(bool(words))
        self.plot.show_marks(marks(of), axis_words(of))
        self._is_following = True
        self.table.show_models(of)
        self._is_following = False

    def show_selected(self, cell_ids: Sequence[int]) -> None:
        """Ring the models whose best cells are selected."""
        if self._of is None or self.isHidden():
            return
        keys = [each.model.model_id for each in self._of.models if each.cell is not None and each.cell.cell_id in cell_ids]
        self.plot.select(keys)
        self.plot.point_at(keys[0] if len(keys) == 1 else None)

    def copied(self) -> CopiedTable:
        """What is shown, as a table."""
        if self._of is None:
            return CopiedTable(_TITLE, (), ())
        words = axis_words(self._of)
        ends = ("95 % interval from", "to")
        columns = ("Model", words.speed, *ends, f"{words.memory}, bytes", words.loss, *ends, "Beaten by")
        rows = tuple(
            (
                each.name,
                *_read(each.speed),
                None if each.memory is None else each.memory.value,
                *(_read(None) if each.loss is None else (each.loss.value, *(each.loss.interval or (None, None)))),
                each.beaten_by or None,
            )
            for each in self._of.models
        )
        return CopiedTable(_TITLE, columns, rows)

    @Slot(int)
    def _on_point_chosen(self, model_id: int) -> None:
        self._choose(model_id)

    @Slot()
    def _on_row_chosen(self) -> None:
        rows = self.table.selected_rows()
        if rows and not self._is_following:
            self._choose(self.table.rows.record(rows[0]).model.model_id)

    def _choose(self, model_id: int) -> None:
        cells = [each.cell for each in self._of.models if each.model.model_id == model_id] if self._of is not None else []
        if cells and cells[0] is not None:
            self.cell_chosen.emit(cells[0].cell_id)


def _read(of: Reading | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if of is None else (of.value, *(of.interval or (None, None)))
