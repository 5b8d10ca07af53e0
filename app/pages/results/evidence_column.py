"""The column that tells what stands behind a cell's figures where a search made them."""

from app.tables.column import Column
from profiler.exchange.findings.search_view import Evidence
from profiler.exchange.findings.session_view import CellView

_TIPS = {
    Evidence.MEASURED: "",
    Evidence.CONFIRMED: "Fresh runs, which took no part in the choice",
    Evidence.FRESH: "Fresh runs, but the search did not come to its end",
    Evidence.LOOKED: "Looks that took part in the choice: good enough to look elsewhere, too hopeful for an answer",
    Evidence.SHORT: "Looks with a part of the load only: it was far enough behind the others to be left there. It did not fail",
}

EVIDENCE: Column[CellView] = Column(
    "Evidence",
    "What the runs behind the figures are worth: fresh runs confirm, looks only lead on",
    lambda cell: cell.evidence.value or None,
    tone=lambda cell: "plain" if cell.evidence is Evidence.CONFIRMED else "muted",
    tip=lambda cell: _TIPS[cell.evidence],
)
