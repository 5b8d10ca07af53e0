"""How a latency is spread over requests or gaps: its distribution in the selected cells."""

from collections.abc import Mapping

from app.pages.results.raw_latencies import CellDistribution
from app.plots.ecdf_plot import EcdfPlot, EcdfSeries
from app.widgets.card import Card
from profiler.plan.slo import Limit, Slo
from profiler.units import milliseconds_text


class DistributionCard(Card):
    """One latency.

    Args:
        title: words a user would say.
        latency: the latency's name.
        of: what has this latency ("requests").
    """

    def __init__(self, title: str, latency: str, of: str) -> None:
        super().__init__(title)
        self._words = title
        self._of = of
        self.latency = latency
        self.plot = EcdfPlot(title)
        self.plot.setMinimumHeight(150)
        self.add_beside_title(self.plot.legend)
        self.body.addWidget(self.plot, 1)

    def show_cells(self, distributions: Mapping[str, CellDistribution], slo: Slo) -> None:
        """Show the distributions by the names of their cells."""
        limit: Limit | None = next((limit for limit in slo if limit.metric == self.latency), None)
        self.plot.show_series(
            [EcdfSeries(name, item.values_ms, item.shares, item.stated_share) for name, item in distributions.items()],
            limit.threshold if limit else None,
        )
        least = min((item.independent for item in distributions.values()), default=0)
        told = [f"% of {self._of} over ms"]
        if limit is not None and not self.plot.is_limit_in_view:
            told.append(f"limit {milliseconds_text(limit.threshold)} far to the right")
        if least:
            told.append(f"dotted: beyond what {least} values can show")
        self.set_title(self._words, " · ".join(told))
