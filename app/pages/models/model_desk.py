"""What can be done with the selected model: its quantizations and its quality, and the one piece of work under way."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.bridge.job import Job, JobLine
from app.pages.models.delete_question import DeleteQuestion
from app.pages.models.fit import Service, footprint_of
from app.pages.models.made_models import ModelState, look
from app.pages.models.model_columns import ModelRow
from app.pages.models.model_work import WorkEnd, delete_everything, delete_models, make_types, measure_quality
from app.pages.models.offer_inquiry import OfferInquiry
from app.pages.models.quality_card import QualityCard
from app.pages.models.quantizations_card import QuantizationsCard
from app.pages.models.type_rows import Source
from app.widgets.card import Card
from app.widgets.two_columns import GAP_PX
from app.widgets.work_strip import WorkStrip
from profiler.hardware import main_memory
from profiler.plan.plan import AS_IS

_MEASURING = "A sweep is running: what this takes of the processor would show in its figures."
_WORKING = "Something is under way already; it has to end first."


class ModelDesk(QWidget):
    """Two cards and a line for work.

    Signals:
        types_chosen: the person wants a file (a path) measured as these types (a tuple).
    """

    types_chosen = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row: ModelRow | None = None
        self._siblings: tuple[ModelRow, ...] = ()
        self._state: ModelState | None = None
        self._look_job: Job | None = None
        self._must_look_again = False
        self._reads_large = False
        self._work_job: Job | None = None
        self._end: tuple[WorkEnd | None, str] = (None, "")
        self._is_measuring = False
        self.quantizations, self.quality, self.strip = QuantizationsCard(), QualityCard(), WorkStrip()
        self.inquiry = OfferInquiry(self)
        self.inquiry.changed.connect(self._on_offers_changed)
        card = self.quantizations
        card.body.insertWidget(0, self.strip)
        card.pane.asked.connect(self._on_sizes_asked)
        card.pane.make_wanted.connect(self._on_make_wanted)
        card.plan_wanted.connect(self._on_plan_wanted)
        card.quality_wanted.connect(self._on_quality_of_selected_wanted)
        card.delete_wanted.connect(self._on_delete_wanted)
        card.delete_all_wanted.connect(self._on_delete_all_wanted)
        card.reading_wanted.connect(self._on_reading_wanted)
        self.quality.measure_wanted.connect(self._on_quality_of_all_wanted)
        self.quality.text_changed.connect(self._look)
        self.strip.cancelled.connect(self._on_cancelled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP_PX)
        layout.addWidget(card)
        layout.addWidget(self.quality)

    @property
    def state(self) -> ModelState | None:
        """What there is of the selected model; None until it was looked at."""
        return self._state

    @property
    def is_busy(self) -> bool:
        """Whether anything is being looked at or done."""
        return self._look_job is not None or self._work_job is not None or self.inquiry.is_asking

    def show_model(self, row: ModelRow, siblings: Sequence[ModelRow], service: Service) -> None:
        """Show what there is of this file, which can be read, and of others that are the same model."""
        assert row.description is not None
        footprint = footprint_of(row, service)
        total = footprint.total_bytes if footprint is not None else None
        beside = None if footprint is None or total is None else total - footprint.weights_bytes
        source = Source(str(row.path), row.description, beside, (row.description,))
        is_other = self._row is None or row.path != self._row.path
        others = tuple(siblings)
        has_others = [each.path for each in others] != [each.path for each in self._siblings]
        self._row, self._siblings = row, others
        self.quantizations.pane.show_source(source, main_memory.available_bytes())
        if is_other:
            self._state, self._reads_large = None, False
            self.quantizations.show_looking(row.name)
            self.quality.show_looking(row.name)
            if self._work_job is None:
                self.strip.show_end("", "plain")
            if self.quantizations.is_making:
                self._on_sizes_asked()
        if is_other or has_others:
            self._look()

    def set_measuring(self, is_measuring: bool) -> None:
        """Nothing that takes the processor goes on while a sweep is measured."""
        self._is_measuring = is_measuring
        if is_measuring:
            self.inquiry.cancel()
            for job in (self._work_job, self._look_job):
                if job is not None:
                    job.cancel()
        self._show_obstacle()
        if not is_measuring and self._row is not None:
            self._look()

    def _show_obstacle(self) -> None:
        obstacle = _MEASURING if self._is_measuring else _WORKING if self._work_job is not None else ""
        self.quantizations.set_obstacle(obstacle)
        self.quality.set_obstacle(obstacle)

    @Slot()
    def _look(self) -> None:
        """Have the selected model looked at; the latest wish last."""
        row, siblings, text, even_large = self._row, self._siblings, self.quality.text, self._reads_large
        if row is None or self._is_measuring:
            return
        if self._look_job is not None:
            self._must_look_again = True
            self._look_job.cancel()
            return
        self._must_look_again = False
        self._look_job = Job(lambda line: look(line, row, siblings, text, even_large=even_large), self)
        self._look_job.succeeded.connect(self._on_looked)
        self._look_job.ended.connect(self._on_look_ended)
        self._look_job.start()

    @Slot(object)
    def _on_looked(self, state: ModelState) -> None:
        if self._row is not None and state.path == self._row.path and not self._must_look_again:
            self._state = state
            self.quantizations.show_state(state)
            self.quality.show_state(state)
            self._show_obstacle()

    @Slot()
    def _on_look_ended(self) -> None:
        assert self._look_job is not None
        self._look_job.deleteLater()
        self._look_job = None
        if self._must_look_again:
            self._look()

    def _work(self, card: Card, sentence: str, work: Callable[[JobLine], WorkEnd]) -> None:
        """Begin a piece of work, unless one is under way; it is told in the card that it was wanted in."""
        if self._work_job is not None or self._is_measuring:
            return
        self._end = (None, "")
        self._work_job = Job(work, self)
        self._work_job.progressed.connect(self.strip.show_progress)
        self._work_job.succeeded.connect(self._on_work_succeeded)
        self._work_job.failed.connect(self._on_work_failed)
        self._work_job.ended.connect(self._on_work_ended)
        card.body.insertWidget(0, self.strip)
        self.strip.begin(sentence)
        self._show_obstacle()
        self._work_job.start()

    @Slot(object)
    def _on_work_succeeded(self, end: WorkEnd) -> None:
        self._end = (end, "")

    @Slot(str)
    def _on_work_failed(self, sentence: str) -> None:
        self._end = (None, sentence)

    @Slot()
    def _on_work_ended(self) -> None:
        assert self._work_job is not None
        self._work_job.deleteLater()
        self._work_job = None
        end, fault = self._end
        if fault:
            self.strip.show_end(fault, "broken")
        elif end is None:
            why = "a sweep has begun" if self._is_measuring else "as you wished"
            self.strip.show_end(f"Stopped, {why}; what was complete is kept.", "muted")
        elif end.faults:
            self.strip.show_end(" ".join((end.sentence, *end.faults)), "caution")
        else:
            self.strip.show_end(end.sentence, "met")
        self._show_obstacle()
        if self.isEnabled():  # the window that closes begins nothing new
            self._look()
            if not self._is_measuring:
                self.inquiry.ask_again()

    @Slot()
    def _on_cancelled(self) -> None:
        if self._work_job is not None:
            self._work_job.cancel()

    @Slot()
    def _on_sizes_asked(self) -> None:
        if self._row is not None and not self._is_measuring and self.quantizations.is_making:
            self.inquiry.ask({str(self._row.path): self._row.path}, self.quantizations.pane.imatrix_path)
            self._on_offers_changed()

    @Slot()
    def _on_offers_changed(self) -> None:
        self.quantizations.pane.show_offers(self.inquiry.offers, self.inquiry.sentence)

    @Slot()
    def _on_make_wanted(self) -> None:
        row, types, imatrix = self._row, self.quantizations.pane.types, self.quantizations.pane.imatrix_path
        if row is not None and types:
            self._work(
                self.quantizations,
                f"making {types[0]} of {row.path.name}",
                lambda line: make_types(line, row.path, types, imatrix),
            )
            self.quantizations.pane.forget_choice()

    @Slot()
    def _on_plan_wanted(self) -> None:
        selected = self.quantizations.selected
        if self._row is None or not selected:
            return
        with_matrix = [each for each in selected if each.cached.imatrix_name is not None]
        if with_matrix:
            # A plan names the matrix by its path, which the cache does not know: so the file itself is measured.
            self.types_chosen.emit(with_matrix[0].cached.path, (AS_IS,))
        else:
            types = tuple(dict.fromkeys(each.cached.type for each in selected))
            self.types_chosen.emit(self._row.path, types)

    @Slot()
    def _on_quality_of_selected_wanted(self) -> None:
        self._measure_quality(self.quantizations, [each.cached.path for each in self.quantizations.selected])

    @Slot()
    def _on_quality_of_all_wanted(self) -> None:
        self._measure_quality(self.quality, [each.path for each in self.quality.table.records])

    def _measure_quality(self, card: Card, paths: Sequence[Path]) -> None:
        base = self._state.base if self._state is not None else None
        if base is None or not paths:
            return
        # The base goes over the text in any case, so that its own figures cost nothing.
        models = list(dict.fromkeys((base.path, *paths)))
        text, tokens = self.quality.text, self.quality.tokens.value()
        self._work(card, "measuring quality", lambda line: measure_quality(line, models, base.path, text, tokens))

    @Slot()
    def _on_delete_wanted(self) -> None:
        paths = [each.cached.path for each in self.quantizations.selected]
        if paths:
            self._work(self.quantizations, "deleting", lambda line: delete_models(line, paths))

    @Slot()
    def _on_delete_all_wanted(self) -> None:
        cache_bytes = self._state.cache_bytes if self._state is not None else 0
        if DeleteQuestion.ask(self, cache_bytes):
            self._work(self.quantizations, "deleting the quantizations", delete_everything)

    @Slot()
    def _on_reading_wanted(self) -> None:
        self._reads_large = True
        self._look()
