"""The queue of the selected cell's last run, where requests come whether or not there is room for them."""

from app.plots.queue_plot import QueuePlot
from app.widgets.card import Card
from profiler.exchange.findings.queue_history import QueueHistory


class QueueCard(Card):
    """Hidden where there is nothing to be seen: in a closed loop nobody asks before he is answered."""

    def __init__(self) -> None:
        super().__init__("Queue")
        self.plot = QueuePlot("Queue")
        self.plot.setMinimumHeight(150)
        self.add_beside_title(self.plot.legend)
        self.body.addWidget(self.plot, 1)
        self.setToolTip("Requests due and not ended, and those of them that had not begun, over the time of the last valid run")
        self.hide()

    def show_history(self, history: QueueHistory | None) -> None:
        """Show this run's; None hides the card."""
        self.setVisible(history is not None)
        if history is not None:
            self.set_title("Queue", f"requests over seconds · run {history.repetition}")
            self.plot.show_counts(history.times_s, history.in_system, history.waiting, history.last_due_s)
