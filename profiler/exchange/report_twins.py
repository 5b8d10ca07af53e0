"""The same as a figure shows, as a table beside it."""

from profiler.exchange.charts.chart import BarChart, Chart, Figure, HeatChart, Interval, LaneChart
from profiler.exchange.findings.heatmap import HeatCell, Heatmap
from profiler.exchange.findings.session_view import SessionView
from profiler.exchange.markup import escaped
from profiler.exchange.report_tables import UNKNOWN, Column, Row, count, figure, table
from profiler.records.metric import STATISTICS
from profiler.units import half_width_text, significant


def twin(view: SessionView, figure: Figure) -> str:
    """The same as a figure shows, as a table."""
    match figure:
        case Chart():
            return _of_plot(view, figure)
        case HeatChart():
            return _of_map(figure)
        case BarChart():
            return _of_bars(figure)
        case LaneChart():
            return _of_lanes(figure)


def _of_plot(view: SessionView, chart: Chart) -> str:
    cells = {cell.cell_id: cell for cell in view.cells}
    if chart.latency is not None:
        names = [name for name in STATISTICS if name not in ("n", "mean")]
        columns = [Column("Cell"), *(Column(f"{name}, ms", is_figure=True) for name in names), Column("n", is_figure=True)]
        rows = [
            Row(
                [
                    escaped(cell.title),
                    *(figure(cell, f"{chart.latency}.{name}") for name in names),
                    count(cell, chart.latency),
                ],
                cell.cell_id,
            )
            for cell in (cells[series.cell_id] for series in chart.series if series.cell_id is not None)
        ]
        return table(chart.title, columns, rows)
    titles = [
        Column("Cell"),
        Column("Line"),
        Column(escaped(chart.x.title), is_figure=True),
        Column(escaped(chart.y.title), is_figure=True),
    ]
    points = [
        Row(
            [
                escaped(cells[point.cell_id].title),
                escaped(series.name),
                _with_interval(point.x, point.x_interval),
                _with_interval(point.y, point.y_interval),
            ],
            point.cell_id,
        )
        for series in chart.series
        for point in series.points
        if point.cell_id is not None
    ]
    return table(chart.title, titles, points)


def _with_interval(value: float, interval: Interval | None) -> str:
    half = f' <span class="half">{escaped(half_width_text(value, interval))}</span>' if interval is not None else ""
    return f"{escaped(significant(value))}{half}"


def _of_lanes(chart: LaneChart) -> str:
    """What each lane did, in percent of the time."""
    columns = [Column("Lane"), *(Column(f"{escaped(kind.name)}, %", is_figure=True) for kind in chart.kinds)]
    rows = [Row([escaped(lane.label), *(f"{100 * share:.1f}" for share in lane.shares)]) for lane in chart.lanes]
    return table(chart.title, columns, rows)


def _of_map(chart: HeatChart) -> str:
    """Rows and columns as they are drawn; a figure with half its interval's width."""
    shown = chart.map
    columns = [
        Column(escaped(f"{shown.row_title} ↓ {shown.column_title} →")),
        *(Column(escaped(each), True) for each in shown.columns),
    ]
    rows = []
    for number, name in enumerate(shown.rows):
        places = {cell.column: _map_text(shown, number, cell.column) for cell in shown.cells if cell.row == number}
        rows.append(Row([escaped(name), *(places.get(column, UNKNOWN) for column in range(len(shown.columns)))]))
    return table(chart.name, columns, rows)


def _map_text(shown: Heatmap, row: int, column: int) -> str:
    """Where several cells share a place they are all told."""
    return ", ".join(_place_text(cell) for cell in shown.cells if (cell.row, cell.column) == (row, column))


def _place_text(cell: HeatCell) -> str:
    """The figure with half its interval's width, then its marks; bytes have a unit of their own, and no such width."""
    number, space, marks = cell.text.partition(" ")
    if cell.value is None or cell.interval is None or marks[:1].isalpha():
        return escaped(cell.text)
    half = f'<span class="half">{escaped(half_width_text(cell.value, cell.interval))}</span>'
    return f"{escaped(number)} {half}{space}{escaped(marks)}"


def _of_bars(chart: BarChart) -> str:
    columns = [Column("Cell"), *(Column(f"{escaped(kind.name)}, ms", is_figure=True) for kind in chart.kinds)]
    columns.append(Column("whole, ms", is_figure=True))
    rows = [
        Row([escaped(bar.label), *(escaped(significant(part)) for part in (*bar.parts, sum(bar.parts)))], bar.cell_id)
        for bar in chart.bars
    ]
    return table(chart.title, columns, rows)
