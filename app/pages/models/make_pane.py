"""Where types to be made from a model are chosen: the list of them, an importance matrix, and the button."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.pages.models.quantization_offers import Offers
from app.pages.models.type_picker import TypePicker
from app.pages.models.type_rows import Source, bytes_to_make, type_rows
from app.widgets.axis_field import AxisField
from app.widgets.form_row import FormRow
from app.widgets.plain_tip import plain_tip
from app.widgets.sentence import Sentence
from profiler.models.quantization import requantizing_warning
from profiler.units import bytes_text


class MakePane(QWidget):
    """The choice.

    Signals:
        asked: sizes are wanted, perhaps for another importance matrix.
        make_wanted: the chosen types shall be made.
    """

    asked = Signal()
    make_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._source: Source | None = None
        self._offers: Offers | None = None
        self._free_bytes = 0
        self._chosen: tuple[str, ...] = ()
        self._shows_all = False
        self._obstacle = ""
        self.picker = TypePicker("Types to make")
        self.picker.chosen.connect(self._on_chosen)
        self.all_button = QPushButton()
        self.all_button.setProperty("look", "link")
        self.all_button.clicked.connect(self._on_all)
        self._state = Sentence(role="small")
        self.imatrix = AxisField(220, "none")
        self.imatrix.editingFinished.connect(self._on_imatrix_edited)
        choose = QPushButton("Choose…")
        choose.setProperty("look", "link")
        choose.setAccessibleName("Choose an importance matrix")
        choose.clicked.connect(self._on_choose_imatrix)
        self._imatrix_row = FormRow(
            "Importance matrix",
            self.imatrix,
            choose,
            term="A file of llama-imatrix (.gguf or .dat): which weights matter; the smallest types cannot be made without one",
        )
        self._caution = Sentence(role="small")
        self.make_button = QPushButton()
        self.make_button.setProperty("look", "primary")
        self.make_button.clicked.connect(self.make_wanted)
        line = QHBoxLayout()
        line.addWidget(self.all_button)
        line.addWidget(self._state, 1)
        bottom = QHBoxLayout()
        bottom.addWidget(self.make_button)
        bottom.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.picker)
        layout.addLayout(line)
        for widget in (self._imatrix_row, self._caution):
            layout.addWidget(widget)
        layout.addLayout(bottom)

    @property
    def types(self) -> tuple[str, ...]:
        """What is to be made."""
        return self._chosen

    @property
    def imatrix_path(self) -> str | None:
        """The importance matrix, None without one."""
        return self.imatrix.text().strip() or None

    def show_source(self, source: Source, free_bytes: int) -> None:
        """Make types of this model; another one than before forgets the choice."""
        if self._source is None or source.name != self._source.name:
            self._chosen, self._offers = (), None
        self._source, self._free_bytes = source, free_bytes
        self._show()

    def show_offers(self, offers: Offers | None, sentence: str) -> None:
        """What is known of the types, and what is being asked."""
        self._offers = offers
        self._imatrix_row.show_problem(offers.imatrix_problem if offers is not None else "")
        self._state.show_text(sentence, "muted")
        self._show()

    def set_obstacle(self, obstacle: str) -> None:
        """Why nothing can be made now, empty when it can."""
        self._obstacle = obstacle
        self._show()

    def forget_choice(self) -> None:
        """What was chosen was made."""
        self._chosen = ()
        self._show()

    def _show(self) -> None:
        if self._source is None:
            return
        rows = type_rows(
            [self._source],
            self._offers,
            self._chosen,
            self._free_bytes,
            has_imatrix=self.imatrix_path is not None,
            shows_all=self._shows_all,
            with_files=False,
        )
        self.picker.show_rows(rows, self._chosen)
        count = len(self._offers.types) if self._offers is not None else 0
        self.all_button.setText("Common types only" if self._shows_all else f"All {count} types…" if count else "All types…")
        self.all_button.setEnabled(bool(count))
        obstacles = [f"{row.type}: {row.obstacle}." for row in rows if row.obstacle and row.type in self._chosen]
        warning = requantizing_warning(self._source.description, self._chosen)
        self._caution.show_text(" ".join([*obstacles, *filter(None, [warning])]), "caution")
        self._caution.setVisible(bool(obstacles or warning))
        needed = bytes_to_make(rows, self._chosen)
        what = {0: "Make…", 1: f"Make {''.join(self._chosen)}"}.get(len(self._chosen), f"Make {len(self._chosen)} types")
        self.make_button.setText(what + (f" · {bytes_text(needed)}" if self._chosen and needed else ""))
        self.make_button.setEnabled(bool(self._chosen) and not obstacles and not self._obstacle)
        self.make_button.setToolTip(plain_tip(self._obstacle or ("" if self._chosen else "Choose types above")))

    @Slot()
    def _on_chosen(self) -> None:
        self._chosen = self.picker.values()
        self._show()

    @Slot()
    def _on_all(self) -> None:
        self._shows_all = not self._shows_all
        self._show()

    @Slot()
    def _on_imatrix_edited(self) -> None:
        self._show()
        self.asked.emit()

    @Slot()
    def _on_choose_imatrix(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Choose an importance matrix", "", "Importance matrices (*.gguf *.dat *.imatrix);;All files (*)"
        )
        if name:
            self.imatrix.setText(name)
            self._on_imatrix_edited()
