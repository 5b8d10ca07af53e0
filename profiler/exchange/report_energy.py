"""The report's energy: what the meters counted of each cell, with the sampling error; or why nothing is known."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from profiler.exchange.energy_words import ENERGY_COLUMNS, energy_sentences, energy_text
from profiler.exchange.findings.session_view import SessionView
from profiler.exchange.markup import escaped
from profiler.exchange.report_sections import section
from profiler.exchange.report_tables import Column, Row, table


def energy(view: SessionView, cells: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """The section; nothing without a measured cell.

    Args:
        view: the session.
        cells: of its document, with their energy.
    """
    sentences = energy_sentences(cells)
    metered = [cell for cell in cells if cell["energy"]["meters"]]
    if not metered and not sentences:
        return
    told = "".join(f'<p class="muted">{escaped(sentence)}</p>' for sentence in sentences)
    if not metered:
        yield section("energy", "Energy", told)
        return
    titles = {cell.cell_id: cell.title for cell in view.cells}
    shown = [column for column in ENERGY_COLUMNS if any(column.interval(cell["energy"]) is not None for cell in metered)]
    columns = [Column("Cell"), *(Column(escaped(column.title), is_figure=True) for column in shown)]
    rows = [
        Row(
            [
                escaped(titles.get(cell["cell_id"], "")),
                *(escaped(energy_text(column.interval(cell["energy"]))) for column in shown),
            ],
            cell["cell_id"],
        )
        for cell in metered
    ]
    yield section("energy", "Energy", table("± is half of the 95 % sampling interval", columns, rows) + told, is_long=True)
