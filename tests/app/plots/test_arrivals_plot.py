import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.plots.arrivals_plot import ArrivalsDrawing, ArrivalsPlot, ArrivalsRow
from app.theme import ThemeSwitch
from app.tokens import tokens


def shown(qtbot: QtBot, *rows: ArrivalsRow, span_s: float = 10.0) -> ArrivalsPlot:
    plot = ArrivalsPlot()
    qtbot.addWidget(plot)
    plot.show_drawing(ArrivalsDrawing(rows, span_s, "in words"))
    plot.resize(500, plot.sizeHint().height())
    plot.show()
    return plot


def image_of(plot: ArrivalsPlot) -> QImage:
    return plot.grab().toImage()


def columns_of(image: QImage, y: int, color: str, first: int) -> list[int]:
    wanted = QColor(color)
    return [x for x in range(first, image.width()) if image.pixelColor(x, y) == wanted]


def test_a_tick_stands_where_its_request_is_due(qtbot: QtBot, theme: ThemeSwitch) -> None:
    plot = shown(qtbot, ArrivalsRow("Poisson", due_s=np.array([0.0, 5.0, 9.999])))
    assert plot.drawing is not None
    area = plot._area(plot.drawing)
    image = image_of(plot)
    found = columns_of(image, int(area.top()) + 20, tokens().series[0], int(area.left()))
    assert found == pytest.approx([area.left(), area.left() + area.width() / 2, area.right()], abs=1.5)


def test_the_line_is_higher_where_the_rate_is(qtbot: QtBot) -> None:
    times_s = np.linspace(0, 10, 601)
    rates_s = np.where((times_s >= 4) & (times_s < 6), 9.0, 1.0)
    plot = shown(qtbot, ArrivalsRow("Spike", times_s, rates_s))
    assert plot.drawing is not None
    area = plot._area(plot.drawing)
    image = image_of(plot)

    def line_y(time_s: float) -> int:
        """The pixel of that column that is nearest to the line's colour."""
        x, color = round(area.left() + time_s / 10 * area.width()), QColor(tokens().series[0])

        def distance(y: int) -> int:
            here = image.pixelColor(x, y)
            return abs(here.red() - color.red()) + abs(here.green() - color.green()) + abs(here.blue() - color.blue())

        return min(range(int(area.top()), int(area.bottom()) - 1), key=distance)

    # The row's line has 42 pixels above its ticks: one of nine takes 4.7 of them.
    assert line_y(2) - line_y(5) == pytest.approx(8 / 9 * 41, abs=3)
    assert line_y(8) == line_y(2)


def test_rows_share_one_scale_of_the_rate(qtbot: QtBot) -> None:
    times_s = np.array([0.0, 10.0])
    slow = ArrivalsRow("slow", times_s, np.array([1.0, 1.0]))
    plot = shown(qtbot, slow, ArrivalsRow("fast", times_s, np.array([8.0, 8.0])))
    alone = shown(qtbot, slow)
    image = image_of(plot)
    assert plot.drawing is not None
    area = plot._area(plot.drawing)
    # Beside a rate eight times as high the upper half of the slow row is empty.
    x = int(area.left() + area.width() * 0.35)
    ground = image.pixelColor(x, int(area.top()) + 1)
    assert all(image.pixelColor(x, int(area.top()) + y) == ground for y in range(15))
    assert alone.height() < plot.height()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_it_is_never_higher_than_120_pixels(qtbot: QtBot, count: int) -> None:
    plot = shown(qtbot, *[ArrivalsRow(f"row {number}", due_s=np.array([1.0])) for number in range(count)])
    assert plot.height() <= 120
    assert plot.minimumSizeHint().height() == plot.height()
    assert plot.accessibleDescription() == "in words"


def test_users_in_a_loop_have_a_lane_with_words(qtbot: QtBot, theme: ThemeSwitch) -> None:
    lane = ArrivalsRow("chats", lane_s=(2.0, 8.0), lane_words="4 users")
    plot = shown(qtbot, lane, ArrivalsRow("document", due_s=np.array([4.0])))
    assert plot.drawing is not None
    area = plot._area(plot.drawing)
    image = image_of(plot)
    y = int(area.top()) + 6
    ground = image.pixelColor(int(area.left() + area.width() * 0.1), y)
    assert image.pixelColor(int(area.left() + area.width() * 0.5), y) != ground
    assert image.pixelColor(int(area.left() + area.width() * 0.9), y) == ground


def test_thousands_of_ticks_are_one_a_pixel(qtbot: QtBot) -> None:
    plot = shown(qtbot, ArrivalsRow("flood", due_s=np.linspace(0, 10, 4000)))
    assert plot.drawing is not None
    area = plot._area(plot.drawing)
    image = image_of(plot)
    found = columns_of(image, int(area.top()) + 20, tokens().series[0], int(area.left()) + 2)
    assert len(found) >= int(area.width()) - 3


def test_a_long_name_leaves_room_for_the_drawing(qtbot: QtBot) -> None:
    plot = shown(qtbot, ArrivalsRow("a name that is longer than the whole drawing is wide " * 3, due_s=np.array([1.0])))
    assert plot.drawing is not None
    assert plot._area(plot.drawing).width() > 250
    image_of(plot)
