"""Builds the pages, each imported when it is first shown, so that the window is there at once."""

from typing import TYPE_CHECKING

from app.actions import Actions
from app.bridge.sweep_bridge import SweepBridge
from app.settings import Settings

if TYPE_CHECKING:
    from app.pages.compare_page import ComparePage
    from app.pages.live_page import LivePage
    from app.pages.models_page import ModelsPage
    from app.pages.plan_page import PlanPage
    from app.pages.results_page import ResultsPage


class PageMakers:
    """One method a page; the tests of the window replace them."""

    def __init__(self, settings: Settings, bridge: SweepBridge, actions: Actions) -> None:
        self._settings, self._bridge, self._actions = settings, bridge, actions

    def models(self) -> "ModelsPage":
        """Models."""
        from app.pages.models_page import ModelsPage

        return ModelsPage(self._settings)

    def plan(self) -> "PlanPage":
        """Plan."""
        from app.pages.plan_page import PlanPage

        return PlanPage(self._settings)

    def live(self) -> "LivePage":
        """Live."""
        from app.pages.live_page import LivePage

        return LivePage(self._settings, self._bridge, self._actions)

    def results(self) -> "ResultsPage":
        """Results."""
        from app.pages.results_page import ResultsPage

        return ResultsPage(self._settings)

    def compare(self) -> "ComparePage":
        """Compare."""
        from app.pages.compare_page import ComparePage

        return ComparePage(self._settings, self._actions)
