"""The third card: who asks for what, and when a run ends."""

from PySide6.QtCore import Slot

from app.pages.plan.form_card import Document, FormCard
from app.widgets.axis_field import AxisField
from app.widgets.chips import Chips, Choice
from app.widgets.fold import Fold
from app.widgets.form_row import FormRow
from profiler.plan.cells import DEFAULT_OFFLINE_REQUESTS, DEFAULT_REQUESTS_PER_USER
from profiler.plan.plan import Plan

CLOSED, OFFLINE = "closed", "offline"

_SHORT_PX = 96


class LoadCard(FormCard):
    """Arrivals, concurrency, lengths; what is seldom changed is folded."""

    def __init__(self) -> None:
        super().__init__("Load")
        self._arrival = Chips(
            [
                Choice(CLOSED, "Users in a loop", "Each user asks, waits for the answer, thinks, and asks again (closed loop)"),
                Choice(OFFLINE, "All at once", "Everything is there at the start; nobody comes back (offline)"),
            ]
        )
        self._arrival.chosen.connect(self._on_arrival_chosen)
        self.add_row(FormRow("Arrivals", self._arrival), "load.arrival")

        self._concurrency = AxisField()
        self.add_row(
            FormRow("Concurrency", self._concurrency, "at once", term="Several numbers, separated by commas, make an axis"),
            "load.concurrency",
        )
        self._prompt, self._output = AxisField(_SHORT_PX), AxisField(_SHORT_PX)
        self._prompt.setAccessibleName("Prompt tokens")
        self._output.setAccessibleName("Answer tokens")
        self.add_row(
            FormRow("Prompt · answer", self._prompt, "tokens ·", self._output, "tokens", term="Exact lengths of every request"),
            "load.prompt_tokens",
            "load.output_tokens",
        )
        self._think_time = AxisField(_SHORT_PX, "0")
        self._think_time_row = self.add_row(
            FormRow("Think time", self._think_time, "s between an answer and the next request"), "load.think_time"
        )
        self._fold = Fold("", "slots, end of a run, sampling")
        self.body.addWidget(self._fold)
        self._add_folded()
        for field in (self._concurrency, self._prompt, self._output, self._think_time, *self._folded_fields):
            field.textEdited.connect(self.on_edited)
        self._follow_arrival()

    def _add_folded(self) -> None:
        self._slots = AxisField(default="as many as concurrent")
        self._slots.setFixedWidth(180)
        self._slots_row = self.add_row(
            FormRow("Slots", self._slots, "decoded together", term="Sequences in one batch (n_seq_max)"),
            "load.slots",
            fold=self._fold,
        )
        self._per_user = AxisField(_SHORT_PX, "–")
        self._requests = AxisField(_SHORT_PX, "–")
        self._duration = AxisField(_SHORT_PX, "–")
        self._requests.setAccessibleName("A run ends after this many requests")
        self._duration.setAccessibleName("A run ends after this many seconds")
        self._per_user_row = self.add_row(
            FormRow("A run ends after", self._per_user, "requests a user"), "load.requests_per_user", fold=self._fold
        )
        self.add_row(
            FormRow("Or at the latest", self._requests, "requests, or", self._duration, "s"),
            "load.requests",
            "load.duration",
            fold=self._fold,
        )
        self._sampling = Chips(
            [
                Choice("greedy", "Greedy", "Takes the most likely token"),
                Choice("none", "None", "Does not look at the logits, as llama-bench does"),
            ],
            several=True,
        )
        self._sampling.chosen.connect(self.on_edited)
        self.add_row(FormRow("Sampling", self._sampling), "load.sampling", fold=self._fold)
        self._chunk = AxisField(default="the batch size")
        self.add_row(
            FormRow("Prefill chunk", self._chunk, "tokens", term="Most prompt tokens in a step beside running decodes"),
            "load.prefill_chunk",
            fold=self._fold,
        )
        self._folded_fields = (self._slots, self._per_user, self._requests, self._duration, self._chunk)

    @property
    def fold(self) -> Fold:
        """What is seldom changed."""
        return self._fold

    def show_plan(self, plan: Plan) -> None:
        """Show the plan's load."""
        load = plan.load
        self._arrival.choose(load.arrival)
        self._concurrency.show_values(load.concurrency)
        self._prompt.show_values(load.prompt_tokens)
        self._output.show_values(load.output_tokens)
        self._think_time.show_values(load.think_time if load.arrival == CLOSED else None)
        self._slots.show_values(load.slots)
        for field, value in (
            (self._per_user, load.requests_per_user),
            (self._requests, load.requests),
            (self._duration, load.duration),
        ):
            field.show_values(None if value is None else (value,))
        self._sampling.choose(*load.sampling)
        self._chunk.show_values(load.prefill_chunk)
        self._follow_arrival()

    def set_arrival(self, arrival: str) -> None:
        """Have requests arrive this way, as a use case wants it."""
        self._arrival.choose(arrival)
        self._follow_arrival()

    def follow(self, plan: Plan) -> None:
        """Sum up what is folded."""
        load = plan.load
        slots = "as many slots as users" if load.slots is None else f"slots {self._slots.text()}"
        if load.arrival == OFFLINE:
            slots = "" if load.slots is None else slots
            limits = [f"{load.requests or DEFAULT_OFFLINE_REQUESTS} requests"]
        else:
            has_limit = load.requests is not None or load.duration is not None
            per_user = load.requests_per_user or (None if has_limit else DEFAULT_REQUESTS_PER_USER)
            limits = [f"{per_user} requests a user"] if per_user else []
            limits += [f"{load.requests} requests"] if load.requests else []
        limits += [f"{load.duration:g} s"] if load.duration else []
        sampling = f"sampling {', '.join(load.sampling)}"
        self._fold.set_summary(" · ".join(filter(None, (slots, f"a run ends after {' or '.join(limits)}", sampling))))

    def document(self) -> Document:
        """The load as it is typed; what has no meaning for these arrivals is left out."""
        is_closed = self._arrival.value() == CLOSED
        load = {
            "arrival": self._arrival.value(),
            "concurrency": self._concurrency.values(),
            "prompt_tokens": self._prompt.values(),
            "output_tokens": self._output.values(),
            "slots": self._slots.values() or None,
            "sampling": list(self._sampling.values()),
            "prefill_chunk": self._chunk.values() or None,
            "requests": self._requests.text().strip() or None,
            "duration": self._duration.text().strip() or None,
        }
        if is_closed:
            load["think_time"] = self._think_time.values() or [0.0]
            load["requests_per_user"] = self._per_user.text().strip() or None
        return {"load": load}

    def _follow_arrival(self) -> None:
        is_closed = self._arrival.value() == CLOSED
        self._think_time_row.setVisible(is_closed)
        self._per_user_row.setVisible(is_closed)
        self._slots_row.setVisible(is_closed)
        self._requests.setPlaceholderText("–" if is_closed else str(DEFAULT_OFFLINE_REQUESTS))
        self._per_user.setPlaceholderText(str(DEFAULT_REQUESTS_PER_USER))

    @Slot()
    def _on_arrival_chosen(self) -> None:
        self._follow_arrival()
        self.on_edited()
