"""What the main window asks of a page, and what each page tells it.

The window builds a page when it is first needed (`page_makers`) and connects the signals named here. A page never reaches for
the window or for another page: it emits, the window passes on. Long work goes through `app.bridge.job.Job` (a child of the page);
nothing blocks the GUI thread.

Each page is the only class of its module:

- `models_page.ModelsPage(settings)`: `model_chosen(Path)`: measure this model (the window shows Plan with it);
  `types_chosen(Path, tuple[str, …])`: in these quantizations. `open_model(path: Path)`: list, select and describe this file;
  called for a dropped or given GGUF file. `set_measuring(bool)`: nothing is made or deleted while a sweep runs.
- `plan_page.PlanPage(settings)`: `start_requested(Plan)`: measure this now. `set_model(path: Path, types)`,
  `set_plan(plan: Plan)`: show it; `open_plan_file(path: Path)`: a plan.toml that was dropped or given; `set_measuring(bool)`:
  Start is not possible while a sweep runs; `start()`: what the Start button does (the action Start with its shortcut calls it).
- `live_page.LivePage(settings, bridge, actions)`: `plan_wanted()`: its empty state's button; `results_wanted(Path)`:
  show this session.
- `results_page.ResultsPage(settings)`: `plan_requested(Plan)`: run the same plan again. `open_session(path: Path)`: show it, or
  tell in one sentence why not; `session_opened(Path)`: it was readable (the window remembers it as recent); `plan_wanted()`: its
  empty state's button; `refresh()`: the open session's file has new figures (a cell finished); `compare_wanted(Path)`: hold it
  against another one.
- `compare_page.ComparePage(settings, actions)`: `open_sessions(paths)`: hold these against each other; `results_wanted(Path)`:
  show this session of its library.

Signals that carry values of ours are declared `Signal(object)`.
"""

from typing import ClassVar

from PySide6.QtWidgets import QWidget

from app.settings import Settings


class Page(QWidget):
    """One question's page.

    Attributes:
        TITLE: its name on the rail, in the View menu and in the settings, in small letters that of its icon; its accessible name.
    """

    TITLE: ClassVar[str]

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.setAccessibleName(self.TITLE)
