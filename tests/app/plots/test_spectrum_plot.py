import numpy as np
import pytest
from PySide6.QtCore import QPointF
from pytestqt.qtbot import QtBot

from app.plots.ecdf_plot import EcdfSeries
from app.plots.legend import series_item
from app.plots.spectrum_plot import SpectrumPlot, share_text, spectrum_steps, tail_place, value_at
from profiler.analysis.distribution import ecdf, percentile


def series(count: int, stated_share: float, missing: int = 0) -> EcdfSeries:
    values, shares = ecdf(np.arange(1.0, count + 1))
    return EcdfSeries(series_item("Q8_0", 0), values, shares * count / (count + missing), stated_share)


def curves(plot: SpectrumPlot) -> list[tuple[np.ndarray, np.ndarray]]:
    return [item.getData() for item in plot.plot.items if type(item).__name__ == "PlotCurveItem"]


def test_each_nine_is_one_step_farther() -> None:
    assert [tail_place(share) for share in (0.0, 0.9, 0.99, 0.999)] == pytest.approx([0, 1, 2, 3])


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_a_reading_is_the_nearest_rank(share: float) -> None:
    assert value_at(series(100, 1.0), share) == percentile(np.arange(1.0, 101), share)
    assert value_at(series(90, 1.0, missing=10), share) == percentile(np.arange(1.0, 91), share, missing=10)


def test_steps_rise_at_the_ranks_and_the_last_one_ends() -> None:
    x, y = spectrum_steps(np.array([10.0, 20.0]), np.array([0.5, 1.0]))
    assert y.tolist() == [10, 10, 20, 20]
    assert x == pytest.approx([0, tail_place(0.5), tail_place(0.5), tail_place(0.75)])


def test_what_is_not_stated_is_dotted(qtbot: QtBot) -> None:
    plot = SpectrumPlot("First token")
    qtbot.addWidget(plot)
    plot.show_series([series(100, 0.95)])
    solid, faint = curves(plot)
    assert solid[0].max() == pytest.approx(tail_place(0.95))
    assert solid[1].max() == 95
    assert faint[0].min() == pytest.approx(tail_place(0.95))
    assert faint[1].max() == 100
    plot.show_series([series(100, 0.0)])
    assert len(curves(plot)) == 1
    assert plot.words_at(QPointF(2.0, 0), lambda _: False) == "Q8_0: 99.0 % within 99.0 ms (too few values to state)"
    plot.show_series([series(100, 0.95)])
    assert plot.words_at(QPointF(1.0, 0), lambda _: False) == "Q8_0: 90.0 % within 90.0 ms"
    assert plot.accessibleDescription() == "Q8_0: p50 50.0 ms, p90 90.0 ms"


def test_requests_that_never_got_there_end_the_curve(qtbot: QtBot) -> None:
    plot = SpectrumPlot("First token")
    qtbot.addWidget(plot)
    plot.show_series([series(90, 0.99, missing=10)])
    assert max(x.max() for x, _ in curves(plot)) == pytest.approx(tail_place(0.9))
    assert "some never got there" in plot.words_at(QPointF(1.5, 0), lambda _: False)


def test_a_million_values_are_thinned_and_their_tail_is_kept(qtbot: QtBot) -> None:
    plot = SpectrumPlot("Between tokens")
    qtbot.addWidget(plot)
    plot.show_series([series(1_000_000, 0.99999)])
    assert sum(len(x) for x, _ in curves(plot)) < 5000
    assert max(y.max() for _, y in curves(plot)) == 1_000_000


def test_a_share_has_the_digits_that_it_needs() -> None:
    assert [share_text(share) for share in (0.5, 0.95, 0.995, 0.9993)] == ["50.0 %", "95.0 %", "99.50 %", "99.930 %"]
