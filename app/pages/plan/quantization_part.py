"""The plan's quantizations: a line that sums them up, and unfolded the list to choose from, with the importance matrix."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.pages.models.quantization_offers import Offers
from app.pages.models.type_picker import TypePicker
from app.pages.models.type_rows import Source, TypeRow, bytes_to_make, type_rows
from app.widgets.axis_field import AxisField
from app.widgets.elided_label import ElidedLabel
from app.widgets.form_row import FormRow
from app.widgets.sentence import Sentence
from profiler.models.quantization import requantizing_warning
from profiler.plan.plan import AS_IS, Models
from profiler.units import bytes_text


class QuantizationPart(QWidget):
    """What is chosen, and where it is changed.

    Signals:
        edited: the person changed the choice or the importance matrix.
        unfolded: the list is shown now, and wants to know sizes.
    """

    edited = Signal()
    unfolded = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._sources: tuple[Source, ...] = ()
        self._offers: Offers | None = None
        self._free_bytes = 0
        self._shows_all = False
        self._chosen: tuple[str, ...] = (AS_IS,)
        self.summary = ElidedLabel(least_px=120)
        self.button = QPushButton()
        self.button.setProperty("look", "link")
        self.button.clicked.connect(self._on_button)
        summed_up = QWidget()
        across = QHBoxLayout(summed_up)
        across.setContentsMargins(0, 0, 0, 0)
        across.addWidget(self.summary)
        across.addWidget(self.button)
        across.addStretch(1)
        self.row = FormRow(
            "Quantizations",
            summed_up,
            term="Types that llama.cpp makes from the model; kept for later in the cache",
        )
        self.picker = TypePicker("Quantizations")
        self.picker.chosen.connect(self._on_chosen)
        self.all_button = QPushButton("All types…")
        self.all_button.setProperty("look", "link")
        self.all_button.clicked.connect(self._on_all)
        self._state = Sentence(role="small")
        line = QHBoxLayout()
        line.addWidget(self.all_button)
        line.addWidget(self._state, 1)
        self.imatrix = AxisField(220, "none")
        self.imatrix.textEdited.connect(self._on_imatrix_edited)
        choose = QPushButton("Choose…")
        choose.setProperty("look", "link")
        choose.setAccessibleName("Choose an importance matrix")
        choose.clicked.connect(self._on_choose_imatrix)
        self.imatrix_row = FormRow(
            "Importance matrix",
            self.imatrix,
            choose,
            term="A file of llama-imatrix (.gguf or .dat): which weights matter; the smallest types cannot be made without one",
        )
        self._list = QWidget()
        inside = QVBoxLayout(self._list)
        inside.setContentsMargins(0, 0, 0, 4)
        inside.setSpacing(8)
        inside.addWidget(self.picker)
        inside.addLayout(line)
        inside.addWidget(self.imatrix_row)
        self._caution = Sentence(role="small")
        self._caution.hide()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        for widget in (self.row, self._list, self._caution):
            outer.addWidget(widget)
        self._is_open = True
        self.set_open(False)
        self._show()

    @property
    def is_open(self) -> bool:
        """Whether the list is shown."""
        return self._is_open

    @property
    def caution(self) -> str:
        """What to know of the chosen types, empty when there is nothing."""
        return self._caution.accessibleName() if self._caution.isVisibleTo(self) else ""

    @property
    def rows(self) -> dict[str, TypeRow]:
        """What is told of each type that is shown."""
        return {row.type: row for row in self.picker.rows}

    @property
    def bytes_to_make(self) -> int | None:
        """What the chosen types will take on the disk; None while that is not known."""
        return bytes_to_make(self.picker.rows, self._chosen)

    def set_open(self, is_open: bool) -> None:
        """Show or hide the list."""
        if is_open != self._is_open:
            self._is_open = is_open
            self._list.setVisible(is_open)
            self.button.setText("Done" if is_open else "Change…")
            self.button.setAccessibleName(f"{'Done' if is_open else 'Change'}: quantizations")
            if is_open:
                self.unfolded.emit()

    def show_models(self, models: Models) -> None:
        """Show the plan's types and importance matrix."""
        self._chosen = models.quant
        self.imatrix.setText(models.imatrix or "")
        self._show()

    def show_sources(self, sources: Sequence[Source], free_bytes: int) -> None:
        """The plan's models, and the free memory to hold them against."""
        self._sources = tuple(sources)
        self._free_bytes = free_bytes
        self._show()

    def show_offers(self, offers: Offers | None) -> None:
        """What was found out of the types; None when it is to be asked anew."""
        self._offers = offers
        self.imatrix_row.show_problem(offers.imatrix_problem if offers is not None else "")
        self._show()

    def show_state(self, sentence: str) -> None:
        """What is being asked, or why it is not."""
        self._state.show_text(sentence, "muted")

    def document(self) -> dict[str, object]:
        """The fields of the plan's models that are answered here."""
        return {"quant": list(self._chosen), "imatrix": self.imatrix.text().strip() or None}

    def _show(self) -> None:
        rows = type_rows(
            self._sources,
            self._offers,
            self._chosen,
            self._free_bytes,
            has_imatrix=bool(self.imatrix.text().strip()),
            shows_all=self._shows_all,
        )
        self.picker.show_rows(rows, self._chosen)
        told = [next((row.label for row in rows if row.type == name), name) for name in self._chosen]
        needed = bytes_to_make(rows, self._chosen)
        makes = f" · {bytes_text(needed)} to be made" if needed else ""
        self.summary.show_text((", ".join(told) or "none") + makes)
        count = len(self._offers.types) if self._offers is not None else 0
        self.all_button.setText("Common types only" if self._shows_all else f"All {count} types…" if count else "All types…")
        self.all_button.setEnabled(bool(count))
        self._show_caution(rows)

    def _show_caution(self, rows: Sequence[TypeRow]) -> None:
        made = [name for name in self._chosen if name != AS_IS]
        obstacles = [f"{row.type}: {row.obstacle}." for row in rows if row.obstacle and row.type in made]
        warnings = [requantizing_warning(source.description, made) for source in self._sources if source.description is not None]
        text = " ".join([*obstacles, *filter(None, warnings)][:2])
        self._caution.show_text(text, "caution")
        self._caution.setVisible(bool(text))

    @Slot()
    def _on_button(self) -> None:
        self.set_open(not self._is_open)

    @Slot()
    def _on_all(self) -> None:
        self._shows_all = not self._shows_all
        self._show()

    @Slot()
    def _on_chosen(self) -> None:
        self._chosen = self.picker.values()
        self._show()
        self.edited.emit()

    @Slot()
    def _on_imatrix_edited(self) -> None:
        self._offers = replace(self._offers, sources={}) if self._offers is not None else None
        self._show()
        self.edited.emit()

    @Slot()
    def _on_choose_imatrix(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Choose an importance matrix", "", "Importance matrices (*.gguf *.dat *.imatrix);;All files (*)"
        )
        if name:
            self.imatrix.setText(name)
            self._on_imatrix_edited()
