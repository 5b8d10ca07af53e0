"""Which machine serves the need, and how fast: a row for each session, with what a watt and what money buys."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit

from app.tables.column import Column, Raw
from app.tables.record_table import RecordTable
from app.tables.table_view import TableView
from app.widgets.card import Card
from app.widgets.number_field import RealField
from app.widgets.sentence import Sentence, Tone, set_tone
from profiler.errors import InferometerError
from profiler.exchange.findings.need_verdict import Verdict
from profiler.exchange.machine_prices import keep_prices, kept_prices
from profiler.exchange.machine_ranking import Contestant, MachineRanking, RankedMachine, machine_ranking, remarks
from profiler.records.machine_price import MachinePrice
from profiler.units import significant

_MOST_PRICE = 100_000_000.0
_TONES: dict[Verdict, Tone] = {Verdict.MET: "met", Verdict.BROKEN: "broken", Verdict.UNKNOWN: "caution"}
_MARKS = {Verdict.MET: "✓", Verdict.BROKEN: "✕", Verdict.UNKNOWN: "?"}


class RankingCard(Card):
    """The ranking, and the price of the selected machine."""

    def __init__(self) -> None:
        super().__init__("Machines for this need")
        self._contestants: tuple[Contestant, ...] = ()
        self.table: RecordTable[RankedMachine] = RecordTable(())
        self.view = TableView(self.table, "Ranking of the machines")
        self.view.chosen.connect(self._on_chosen)
        self._remark = Sentence("", "muted", "small")
        self.price = RealField(0, _MOST_PRICE, decimals=2)
        self.price.setAccessibleName("Price of the selected machine")
        self.price.setSpecialValueText("not given")
        self.price.setKeyboardTracking(False)
        self.currency = QLineEdit()
        self.currency.setAccessibleName("Currency of the machine's price")
        self.currency.setPlaceholderText("EUR")
        self.currency.setMaxLength(8)
        self.currency.setFixedWidth(72)
        self.price.valueChanged.connect(self._on_priced)
        self.currency.editingFinished.connect(self._on_priced)
        line = QHBoxLayout()
        line.setSpacing(8)
        words = QLabel("Price of the selected machine")
        words.setBuddy(self.price)
        set_tone(words, "muted")
        for widget in (words, self.price, self.currency):
            line.addWidget(widget)
        line.addStretch(1)
        self.body.addWidget(self.view)
        self.body.addLayout(line)
        self.body.addWidget(self._remark)

    def show_contestants(self, contestants: Sequence[Contestant]) -> None:
        """Rank these, the base first; prices are those that were given once."""
        self._contestants = tuple(contestants)
        self._rank()
        self.view.select_rows([0])

    def _rank(self) -> None:
        ranking = machine_ranking(self._contestants, kept_prices())
        self.set_title("Machines for this need", ranking.need or "no limit is stated: the most output counts")
        selected = self._selected()
        self.table.show_records(ranking.rows, ranking_columns(ranking))
        if selected is not None:  # other columns reset the table
            self.view.select_rows([number for number, row in enumerate(ranking.rows) if row.name == selected.name])
        self.view.setFixedHeight(self.view.height_of_rows(len(ranking.rows)))
        self._remark.show_text(" ".join(remarks(ranking)), "muted")

    def _selected(self) -> RankedMachine | None:
        rows = self.view.selected_rows()
        return self.table.record(rows[0]) if rows else None

    @Slot()
    def _on_chosen(self) -> None:
        row = self._selected()
        price = row.price if row is not None else None
        blockers = [QSignalBlocker(self.price), QSignalBlocker(self.currency)]
        for field in (self.price, self.currency):
            field.setEnabled(row is not None and bool(row.machine_key))
        self.price.setValue(price.amount if price is not None else 0)
        if price is not None:
            self.currency.setText(price.currency)
        for blocker in blockers:
            blocker.unblock()

    @Slot()
    def _on_priced(self) -> None:
        row = self._selected()
        if row is None or not row.machine_key:
            return
        amount = self.price.value()
        price = MachinePrice(amount, self.currency.text().strip()) if amount > 0 else None
        try:
            keep_prices({row.machine_key: price})
        except InferometerError as error:
            self._remark.show_text(error.sentence, "broken")
        else:
            self._rank()


def ranking_columns(ranking: MachineRanking) -> tuple[Column[RankedMachine], ...]:
    """The columns; without any meter, price or limit those of them are left out."""
    columns: list[Column[RankedMachine]] = [
        Column("Machine", "Processor, cores, memory, graphics", lambda row: row.machine, tip=lambda row: row.machine),
        Column("Session", "Its file", lambda row: row.name, tip=lambda row: row.name),
    ]
    if ranking.need:
        columns.append(
            Column("Need", "Whether a measured cell meets it", _verdict_raw, tone=_verdict_tone, tip=lambda row: row.reason)
        )
    columns += [
        Column("By", "The measured cell that it is ranked by", lambda row: row.cell or None, tip=_cell_tip),
        Column(
            "Output tok/s",
            "Of all users together, with its 95 % interval; ≈ where it may be as fast as the one above",
            lambda row: row.output_tok_s,
            lambda raw: significant(_number(raw)),
            is_figure=True,
            interval=lambda row: row.interval,
            tip=lambda row: "The intervals overlap: which of the two is faster is not certain" if row.is_close else "",
        ),
        Column(
            "Each tok/s",
            "What each user gets while tokens come",
            lambda row: row.user_tok_s,
            lambda raw: significant(_number(raw)),
            is_figure=True,
        ),
    ]
    if any(row.tok_s_per_watt is not None for row in ranking.rows):
        columns.append(
            Column(
                "tok/s per W",
                "Output tokens a joule; meters of other kinds count other things",
                lambda row: row.tok_s_per_watt,
                lambda raw: significant(_number(raw)),
                is_figure=True,
            )
        )
    if currencies := {row.price.currency for row in ranking.rows if row.price is not None}:
        unit = currencies.pop() if len(currencies) == 1 else "of its currency"
        columns.append(
            Column(
                f"tok/s per 1000 {unit}".strip(),
                "Output for the price that you gave; currencies are never converted",
                lambda row: row.tok_s_per_1000,
                lambda raw: significant(_number(raw)),
                is_figure=True,
            )
        )
    return tuple(columns)


def _verdict_raw(row: RankedMachine) -> Raw:
    return None if row.verdict is None else f"{_MARKS[row.verdict]} {row.verdict.value}"


def _verdict_tone(row: RankedMachine) -> Tone:
    return "plain" if row.verdict is None else _TONES[row.verdict]


def _cell_tip(row: RankedMachine) -> str:
    return "\n".join(filter(None, (row.cell, row.doubts, row.reason)))


def _number(raw: Raw) -> float:
    assert isinstance(raw, int | float)
    return raw
