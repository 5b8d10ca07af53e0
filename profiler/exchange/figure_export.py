"""Export as a folder of figures, as SVG or as PNG."""

from collections.abc import Callable
from pathlib import Path

from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.exchange.charts.drawing import lone_figure
from profiler.exchange.charts.figures import KEYS, session_figures
from profiler.exchange.findings.session_view import read_session
from profiler.exchange.target import new_folder
from profiler.session.reader import SessionReader
from resources.colors import LIGHT

Rasterize = Callable[[str, float], bytes]
"""Draws a document of SVG as the bytes of a PNG file, so many pixels for each of its own: given by who has the means."""

PNG_SCALE = 2.0
PNG_FONT = "Inter"

_NO_MEANS = "Nothing that draws a PNG is loaded here: use the program `inferometer`, or `--to svg` for the same figures."
_NOTHING = "{path} holds no measured cell, so there is no figure to draw."


def export_svg(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """Write each figure of the session to the folder `target`.

    Raises:
        UnusableArguments: the target exists and `force` is not set, or nothing was measured.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    charts = session_figures(read_session(reader.path)).charts
    if not charts:
        raise UnusableArguments(_NOTHING.format(path=reader.path))
    with new_folder(target, force=force, own_files=[f"{key}.svg" for key in KEYS]) as folder:
        for chart in charts:
            (folder / f"{chart.key}.svg").write_text(lone_figure(chart, LIGHT), encoding="utf-8")


def export_png(reader: SessionReader, target: Path, *, force: bool = False, rasterize: Rasterize | None = None) -> None:
    """Write each figure of the session to the folder `target`, drawn by `rasterize`.

    Raises:
        UnusableArguments: the target exists and `force` is not set, or nothing was measured.
        EnvironmentFault: the session cannot be read, the target not written, or there is nothing to draw with.
    """
    if rasterize is None:
        raise EnvironmentFault(_NO_MEANS)
    charts = session_figures(read_session(reader.path)).charts
    if not charts:
        raise UnusableArguments(_NOTHING.format(path=reader.path))
    with new_folder(target, force=force, own_files=[f"{key}.png" for key in KEYS]) as folder:
        for chart in charts:
            (folder / f"{chart.key}.png").write_bytes(rasterize(lone_figure(chart, LIGHT, PNG_FONT), PNG_SCALE))
