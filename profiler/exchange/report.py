"""Export as a report: one HTML file that needs nothing else, opens from disk, prints, and holds its data readably."""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import profiler
from profiler.exchange.charts.chart import Chart
from profiler.exchange.charts.figures import session_figures
from profiler.exchange.charts.ink import page_rules, variables
from profiler.exchange.charts.readings import readings_of
from profiler.exchange.findings.session_view import SessionView, read_session
from profiler.exchange.markup import escaped, shown
from profiler.exchange.report_page import ReportSource, page_content
from profiler.exchange.session_document import session_document
from profiler.exchange.target import new_file
from profiler.session.reader import SessionReader
from resources.colors import DARK, LIGHT


def export_report(reader: SessionReader, target: Path, *, force: bool = False) -> None:
    """Write the session's report to `target`.

    Raises:
        UnusableArguments: the target exists and `force` is not set.
        EnvironmentFault: the session cannot be read or the target not written.
    """
    with new_file(target, force=force) as stream:
        stream.write(report(reader))


def report(reader: SessionReader) -> str:
    """The page; raises BadFile or EnvironmentFault when the session cannot be read."""
    view = read_session(reader.path)
    meta = reader.meta()
    document = session_document(reader)
    source = ReportSource(
        view=view,
        figures=session_figures(view),
        cells=document["cells"],
        events=reader.events(),
        machine=reader.machine(),
        notes=meta.get("notes", ""),
        percentile_method=meta.get("percentile_method", ""),
    )
    data = {
        "session": document,
        "events": [dataclasses.asdict(event) for event in source.events],
        "names": {str(cell.cell_id): shown(cell.title) for cell in view.cells},
        "figures": [readings_of(chart) for chart in source.figures.charts if isinstance(chart, Chart)],
    }
    style, script = _style(), _resource("report.js")
    return Template(_resource("page.html")).substitute(
        style_hash=_hash(style),
        script_hash=_hash(script),
        version=escaped(profiler.__version__),
        title=escaped(view.title),
        subtitle=_subtitle(view),
        style=style,
        content=page_content(source),
        footer=_footer(view),
        data=_embedded(data),
        script=script,
    )


def _style() -> str:
    """The stylesheet with both themes: the system's until somebody chooses; on paper always the light one."""
    light, dark = variables(LIGHT), variables(DARK)
    themes = (
        f":root{{color-scheme:light;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}"
    )
    return f"{themes}{page_rules()}\n{_resource('report.css')}"


def _resource(name: str) -> str:
    return resources.files("resources").joinpath("report", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What the page's policy knows its own style and script by, so that no other can take effect."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded(data: Mapping[str, Any]) -> str:
    """JSON, a line for each part, in which no text can end the element that it stands in."""
    parts = ",\n".join(f"{json.dumps(name)}: {json.dumps(part, allow_nan=False)}" for name, part in data.items())
    return f"{{\n{parts}\n}}".replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _subtitle(view: SessionView) -> str:
    cells, runs = len(view.cells), view.runs
    told = [*view.models[:3], *([f"{len(view.models) - 3} more models"] if len(view.models) > 3 else []), view.machine]
    told += [f"{cells} cell{'' if cells == 1 else 's'}", f"{runs} run{'' if runs == 1 else 's'}"]
    told += [f"{view.runs_flagged} flagged"] if view.runs_flagged else []
    told += [f"{view.created_utc[:16].replace('T', ' ')} UTC"] if view.created_utc else []
    return " · ".join(f"<bdi>{escaped(words)}</bdi>" for words in told if words)


def _footer(view: SessionView) -> str:
    return (
        f"Made by Inferometer {escaped(profiler.__version__)} from <bdi>{escaped(view.path.name)}</bdi>. This page loads nothing "
        "and sends nothing. Its data stand in its source, with all digits, in the element that has the id “data”."
    )
