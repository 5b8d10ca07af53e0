"""What a pointer reads of a figure, for the report's script: every number in it is text already, so that none is rounded anew."""

from typing import Any

from profiler.exchange.charts.chart import Chart
from profiler.exchange.charts.frame import frame_of
from profiler.exchange.markup import shown


def readings_of(chart: Chart) -> dict[str, Any]:
    """Pixels and words: `series` holds for each curve `points` as [x, y, words, cell]."""
    frame = frame_of(chart, 0)
    return {
        "key": chart.key,
        "reading": chart.reading,
        "plot": [round(edge, 1) for edge in (frame.left, frame.top, frame.right, frame.bottom)],
        "series": [
            {
                "name": shown(series.name),
                "cell": series.cell_id,
                "points": [
                    [*(round(pixel, 1) for pixel in frame.at(point.x, point.y)), shown(point.words), point.cell_id]
                    for point in series.readings or series.points
                ],
            }
            for series in chart.series
        ],
    }
