"""A session in the head of the page: its name, and its machine, date and runs. Pure: no widget is touched."""

from datetime import datetime

from profiler.exchange.findings.session_view import SessionView


def title_words(view: SessionView) -> str:
    """The session's name, and the model's where it is one."""
    labels = {str(cell.configuration["model"]) for cell in view.cells if cell.configuration["model"]}
    return f"{view.title} · {labels.pop()}" if len(labels) == 1 else view.title


def date_words(when: datetime, now: datetime) -> str:
    """A date as one says it: today 23:01, 24 Nov 23:01, 24 Nov 2026 23:01."""
    if when.date() == now.date():
        return f"today {when:%H:%M}"
    return f"{when.day} {when:%b %H:%M}" if when.year == now.year else f"{when.day} {when:%b %Y %H:%M}"


def subtitle_words(view: SessionView) -> str:
    """Machine, date, cells, runs and flags."""
    try:
        when = date_words(datetime.fromisoformat(view.created_utc).astimezone(), datetime.now().astimezone())
    except ValueError:
        when = ""
    cells = "1 cell" if len(view.cells) == 1 else f"{len(view.cells)} cells"
    runs = "1 run" if view.runs == 1 else f"{view.runs} runs"
    flagged = f"{view.runs_flagged} flagged" if view.runs_flagged else "none flagged"
    return " · ".join(filter(None, (view.machine, when, f"{cells}, {runs}, {flagged}")))
