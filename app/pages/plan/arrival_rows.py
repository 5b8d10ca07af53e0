"""The rows of the load card that only some kinds of arrivals need: rates, bursts, a spike, a trace."""

from collections.abc import Callable

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton, QWidget

from app.pages.plan.section_card import SectionCard
from app.widgets.form_row import FormRow
from profiler.records.specification import OPEN_LOOP

_SHORT_PX = 72


class ArrivalRows:
    """Makes the rows in a card, and shows those that the chosen arrivals need.

    Args:
        card: of the plan's load.
    """

    def __init__(self, card: SectionCard) -> None:
        self._card = card
        self._rows: list[tuple[FormRow, Callable[[set[str]], bool]]] = []
        self._add_rates()
        self._add_shapes()
        self._add_trace()

    def _add_rates(self) -> None:
        card = self._card
        self._add(
            FormRow(
                "Rate",
                card.axis("rate", default="–"),
                "a second",
                term="Requests a second, or conversations where there are several turns; several values make an axis",
            ),
            "rate",
            of=OPEN_LOOP - {"trace"},
        )
        self._add(
            FormRow(
                "Other rate",
                card.single("rate_to", 140),
                "a second",
                term="Where a ramp ends; during a spike; during a burst, with the first rate in between (left empty, nothing)",
            ),
            "rate_to",
            of={"ramp", "spike", "burst"},
        )

    def _add_shapes(self) -> None:
        card = self._card
        self._add(
            FormRow(
                "Burstiness",
                card.axis("burstiness"),
                "1 is Poisson, less comes in clumps",
                term="Shape of the gamma distribution of the gaps between requests",
            ),
            "burstiness",
            of={"gamma"},
        )
        on, off = card.single("burst_on", _SHORT_PX), card.single("burst_off", _SHORT_PX)
        on.setAccessibleName("Seconds of a burst")
        off.setAccessibleName("Seconds between bursts")
        self._add(
            FormRow("Bursts of", on, "s, then", off, "s without", term="On and off in turn, from the beginning"),
            "burst_on",
            "burst_off",
            of={"burst"},
        )
        at, length = card.single("spike_at", _SHORT_PX), card.single("spike_for", _SHORT_PX)
        at.setAccessibleName("Second at which the spike begins")
        length.setAccessibleName("Seconds that the spike lasts")
        self._add(
            FormRow("Spike at", at, "s, for", length, "s", term="When the other rate begins, and how long it lasts"),
            "spike_at",
            "spike_for",
            of={"spike"},
        )

    def _add_trace(self) -> None:
        card = self._card
        self._trace = card.single("trace", 260, "no file chosen")
        choose = QPushButton("Choose…")
        choose.setAccessibleName("Choose a trace file")
        choose.clicked.connect(self._on_choose)
        self._add(
            FormRow("Trace file", self._trace, choose, term="Mooncake JSONL, Azure CSV, BurstGPT CSV, or named columns"),
            "trace",
            of={"trace"},
        )
        self._columns = card.single("trace_columns", 260, "time, prompt, output")
        self._columns_row = card.add_fields(
            FormRow("Its columns", self._columns, term="Names of three columns: time in seconds, prompt tokens, answer tokens"),
            "trace_columns",
        )
        self._add(
            FormRow(
                "Time scale", card.single("time_scale", _SHORT_PX, "1"), "times slower than recorded", term="2: half the rate"
            ),
            "time_scale",
            of={"trace"},
        )

    def _add(self, row: FormRow, *names: str, of: frozenset[str] | set[str]) -> None:
        self._card.add_fields(row, *names)
        self._rows.append((row, lambda chosen: bool(chosen & of)))

    @property
    def last_row(self) -> QWidget:
        """The row behind which others may be put."""
        return self._rows[-1][0]

    @property
    def trace(self) -> QLineEdit:
        """The field of the trace's file."""
        return self._trace

    def follow(self, arrivals: set[str], *, needs_columns: bool) -> None:
        """Show what these arrivals need; a trace's columns when its format is not known, or when they are typed already."""
        for row, is_needed in self._rows:
            self._card.use(row, is_needed(arrivals))
        self._card.use(self._columns_row, "trace" in arrivals and (needs_columns or bool(self._columns.text().strip())))

    @Slot()
    def _on_choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self._card, "Choose a trace", "", "Traces (*.csv *.jsonl);;All files (*)")
        if name:
            self._trace.setText(name)
            self._trace.textEdited.emit(name)
