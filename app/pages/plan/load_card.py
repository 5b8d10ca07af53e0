"""The third card: who asks for what and when, and when a run ends."""

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QPushButton

from app.pages.plan.arrival_rows import ArrivalRows
from app.pages.plan.form_card import Document
from app.pages.plan.mix_rows import MixRows, mix_of
from app.pages.plan.outlook import Outlook
from app.pages.plan.section_card import SectionCard, told_values
from app.plots.arrivals_plot import ArrivalsPlot
from app.widgets.chips import Chips, Choice
from app.widgets.fold import Fold
from app.widgets.form_row import FormRow
from app.widgets.sentence import Sentence
from profiler.plan.cells import DEFAULT_CONCURRENCY, DEFAULT_OPEN_SLOTS
from profiler.plan.load_words import ARRIVAL_LABELS
from profiler.plan.plan import Load, Plan, RequestMix
from profiler.plan.resolution import DEFAULT_OFFLINE_REQUESTS, DEFAULT_REQUESTS_PER_USER
from profiler.records.specification import OPEN_LOOP
from profiler.scheduling.open_loop import DEFAULT_DURATION_S

CLOSED, OFFLINE = "closed", "offline"

_SHORT_PX = 96
_LENGTH_PX = 132
_SHARE_PX = 72
_TIPS = {
    CLOSED: "Each user asks, waits for the answer, thinks, and asks again (closed loop)",
    OFFLINE: "Everything is there at the start; nobody comes back (offline)",
    "poisson": "By a clock at random, as many people who know nothing of each other (open loop, Poisson)",
    "constant": "By a clock at even gaps (open loop, constant rate)",
    "burst": "By a clock, on and off in turn (open loop, bursts)",
    "gamma": "By a clock at random, in clumps or more evenly by one number (open loop, gamma gaps with a burstiness)",
    "spike": "By a clock at random, with a higher rate for a while (open loop, step)",
    "ramp": "By a clock at random, at a rate that changes evenly until the end (open loop, linear ramp)",
    "trace": "As they came somewhere else, replayed from a file (open loop, trace)",
}


class LoadCard(SectionCard):
    """Arrivals, users, lengths; what is seldom changed is folded. A mix of kinds of requests takes their place."""

    def __init__(self) -> None:
        super().__init__("load", "Load")
        self._classes: tuple[RequestMix, ...] = ()
        self._is_mix = False
        self._needs_columns = False
        self._load = Load()
        self._arrival = Chips([Choice(name, label, _TIPS[name]) for name, label in ARRIVAL_LABELS.items()], several=True)
        self._arrival.chosen.connect(self._follow_arrival)  # before the plan is read
        self.choices("arrival", self._arrival)
        self._arrival_row = self.add_fields(FormRow("Arrivals", self._arrival), "arrival")
        self._mix = MixRows()
        self._mix.edited.connect(self.on_edited)
        self._mix_row = self.add_fields(
            FormRow("Mix", self._mix, term="Kinds of requests at the same time, each with its own figures"), "classes"
        )
        self._mix_words = Sentence("Arrivals, limits and all else of a kind are changed in the plan file.", "muted", "small")
        self.body.addWidget(self._mix_words)

        self._concurrency = self.axis("concurrency", default=told_values(DEFAULT_CONCURRENCY))
        self._concurrency_row = self.add_fields(
            FormRow("Concurrency", self._concurrency, "at once", term="Several numbers, separated by commas, make an axis"),
            "concurrency",
        )
        self._arrival_rows = ArrivalRows(self)
        self._add_lengths()
        self._plot = ArrivalsPlot()
        self._arrivals_words = Sentence("", "muted", "small")
        self.body.addWidget(self._plot)
        self.body.addWidget(self._arrivals_words)
        self._add_switches()
        self._fold = Fold("", "conversations, shared beginnings, end of a run")
        self.body.addWidget(self._fold)
        self._add_folded()
        self.show_fields(Load())
        self._follow_arrival()
        self.show_outlook(None)

    def _add_lengths(self) -> None:
        self._prompt, self._output = self.axis("prompt_tokens", _LENGTH_PX), self.axis("output_tokens", _LENGTH_PX)
        self._prompt.setAccessibleName("Prompt tokens")
        self._output.setAccessibleName("Answer tokens")
        self._lengths_row = self.add_fields(
            FormRow(
                "Prompt · answer",
                self._prompt,
                "·",
                self._output,
                "tokens",
                term="Exact lengths, or drawn ones: uniform:64:256, normal:128:32, lognormal:128:0.5, trace; commas make an axis",
            ),
            "prompt_tokens",
            "output_tokens",
        )
        think_time = self.axis("think_time", _SHORT_PX, default="0")
        self._think_time_row = self.add_fields(
            FormRow("Think time", think_time, "s between an answer and the next request"), "think_time"
        )

    def _add_switches(self) -> None:
        """Between one kind of request and a mix of several."""
        self._add_kind, self._one_kind = QPushButton(), QPushButton("One kind of request instead")
        self._back_to_mix = QPushButton("Back to the mix")
        for button in (self._add_kind, self._one_kind, self._back_to_mix):
            button.setProperty("look", "link")
        self._add_kind.clicked.connect(self._on_add_kind)
        self._one_kind.clicked.connect(self._on_one_kind)
        self._back_to_mix.clicked.connect(self._on_back_to_mix)
        self.body.addWidget(FormRow("", self._add_kind, self._one_kind, self._back_to_mix))

    def _add_folded(self) -> None:
        self._slots = self.axis("slots", 180, default="")
        self._slots_row = self.add_fields(
            FormRow("Slots", self._slots, "decoded together", term="Sequences in one batch (n_seq_max)"), "slots", fold=self._fold
        )
        turns, share = self.axis("turns", _SHORT_PX), self.axis("shared_prefix", _SHARE_PX)
        self._turns = turns
        self._turns_row = self.add_fields(
            FormRow("Turns", turns, "requests of a conversation", term="Each repeats all that was said before (multi-turn)"),
            "turns",
            fold=self._fold,
        )
        prefixes = self.axis("prefixes", _SHARE_PX)
        prefixes.setAccessibleName("Different beginnings")
        self._share_row = self.add_fields(
            FormRow(
                "Shared beginning",
                share,
                "of a prompt (0 to 1), one of",
                prefixes,
                term="The part of a prompt that others begin with too (a system prompt); how many such beginnings there are",
            ),
            "shared_prefix",
            "prefixes",
            fold=self._fold,
        )
        per_user = self.single("requests_per_user", default=str(DEFAULT_REQUESTS_PER_USER))
        self._per_user_row = self.add_fields(
            FormRow("Each user sends", per_user, "requests, then the run ends"), "requests_per_user", fold=self._fold
        )
        self._requests = self.single("requests")
        self._requests_row = self.add_fields(
            FormRow("A run ends after", self._requests, "requests in all"), "requests", fold=self._fold
        )
        self._duration = self.single("duration")
        self._duration_row = self.add_fields(
            FormRow("Sending ends after", self._duration, "s", term="What was sent is answered to its end"),
            "duration",
            fold=self._fold,
        )

    @property
    def fold(self) -> Fold:
        """What is seldom changed."""
        return self._fold

    @property
    def plot(self) -> ArrivalsPlot:
        """The drawing of the arrivals."""
        return self._plot

    def show_plan(self, plan: Plan) -> None:
        """Show the plan's load."""
        load = plan.load
        self._classes, self._is_mix = load.classes or (), load.classes is not None
        self._mix.show_classes(self._classes)
        self.show_fields(load)
        if not self._is_mix and CLOSED not in load.arrival:
            # Where nobody comes back, concurrency is another word for slots (design.md); one field is shown.
            shown = self._concurrency if OFFLINE in load.arrival and not OPEN_LOOP & set(load.arrival) else self._slots
            for field in (self._concurrency, self._slots):
                field.show_values((load.slots or load.concurrency) if field is shown else None)
        self._needs_columns = False
        self._follow_arrival()

    def set_load(self, load: Load, names: Sequence[str]) -> None:
        """Take over these fields, as a use case wants them; they are of one kind of request."""
        self._leave_mix()
        self.show_fields(load, names)
        self._follow_arrival()

    def follow(self, plan: Plan) -> None:
        """Sum up what is folded."""
        load, usual = plan.load, Load()
        self._load = load
        parts = []
        if not self._is_mix:
            parts += [f"turns {told_values(load.turns)}"] if load.turns != usual.turns else []
            parts += [f"shared beginning {told_values(load.shared_prefix)}"] if any(load.shared_prefix) else []
        if CLOSED in load.arrival and not self._is_mix:
            parts.append("as many slots as users" if load.slots is None else f"slots {told_values(load.slots)}")
        elif self._is_mix and load.slots is not None:
            parts.append(f"slots {told_values(load.slots)}")
        ends = self._ends(load)
        parts += [f"a run ends after {' or '.join(ends)}"] if ends else []
        usual_words = "a slot for each user" if self._is_mix and load.slots is None else "single requests, nothing shared"
        self._fold.set_summary(" · ".join(parts) or usual_words)

    def _ends(self, load: Load) -> list[str]:
        """When a run ends, as far as it does not stand in sight."""
        if self._is_mix:
            return [f"{load.duration:g} s"] if load.duration else []
        has_limit = load.requests is not None or load.duration is not None
        per_user = load.requests_per_user or (None if has_limit else DEFAULT_REQUESTS_PER_USER)
        ends = [f"{per_user} requests a user"] if per_user and CLOSED in load.arrival else []
        if load.requests:
            ends.append(f"{load.requests} requests")
        elif OFFLINE in load.arrival:
            ends.append(f"{DEFAULT_OFFLINE_REQUESTS} requests" + ("" if load.arrival == (OFFLINE,) else " at once"))
        is_in_sight = CLOSED not in load.arrival and OPEN_LOOP.intersection(load.arrival)
        return ends + ([f"{load.duration:g} s"] if load.duration and not is_in_sight else [])

    def show_outlook(self, outlook: Outlook | None) -> None:
        """Show how the requests will come; None for a plan that is not complete."""
        drawing = outlook.arrivals if outlook is not None else None
        self._plot.setVisible(drawing is not None)
        if drawing is not None:
            self._plot.show_drawing(drawing)
        # A mix has its words beside each kind already.
        words = outlook.arrivals_words if outlook is not None and not (self._is_mix and drawing) else ""
        self._arrivals_words.show_text(words, "muted")
        self._arrivals_words.setVisible(bool(words))
        if outlook is not None and outlook.needs_trace_columns != self._needs_columns:
            self._needs_columns = outlook.needs_trace_columns
            self._follow_arrival()

    def document(self) -> Document:
        """The load as it is typed; what has no meaning for these arrivals is left out."""
        self._follow_turns()
        load = self.typed()
        if self._is_mix:
            load["classes"] = self._mix.document()
        return {"load": load}

    @Slot()
    def _follow_arrival(self) -> None:
        """Show the rows that the arrivals need."""
        chosen = set() if self._is_mix else {str(value) for value in self._arrival.values()}
        is_closed, is_offline, is_open = CLOSED in chosen, OFFLINE in chosen, bool(OPEN_LOOP & chosen)
        is_one_kind = not self._is_mix
        self.use(self._arrival_row, is_one_kind)
        self.use(self._mix_row, self._is_mix)
        self._mix_words.setVisible(self._is_mix)
        self.use(self._concurrency_row, is_closed or is_offline)
        self._arrival_rows.follow(chosen, needs_columns=self._needs_columns)
        self.use(self._slots_row, is_closed or is_open or self._is_mix)
        for row in (self._lengths_row, self._share_row, self._turns_row, self._requests_row):
            self.use(row, is_one_kind)
        self.use(self._per_user_row, is_closed)
        # What an open loop is about stands in sight, else among what is seldom changed.
        in_sight = is_open and not is_closed
        self.move_row(self._slots_row, None if in_sight else self._fold, self._think_time_row if in_sight else None)
        self.move_row(self._duration_row, None if in_sight else self._fold, self._slots_row if in_sight else self._requests_row)
        self._slots.setPlaceholderText(
            "as many as concurrent" if is_closed else str(DEFAULT_OPEN_SLOTS) if is_open else "one for each"
        )
        self._requests.setPlaceholderText(str(DEFAULT_OFFLINE_REQUESTS) if is_offline and not is_closed else "–")
        self._duration.setPlaceholderText(f"{DEFAULT_DURATION_S:g}" if in_sight and chosen != {"trace"} else "–")
        self._add_kind.setText("Add a kind of request" if self._is_mix else "Mix with another kind of request")
        self._one_kind.setVisible(self._is_mix)
        self._back_to_mix.setVisible(is_one_kind and bool(self._classes))
        self._add_kind.setVisible(self._is_mix or not self._classes)
        self._follow_turns()

    @Slot()
    def _follow_turns(self) -> None:
        """Somebody who comes back may think first."""
        chosen = self._arrival.values()
        has_turns = any(value != "1" for value in self._turns.values())
        self.use(self._think_time_row, not self._is_mix and (CLOSED in chosen or has_turns))

    def _leave_mix(self) -> None:
        if self._is_mix:
            self._classes = self._load.classes or self._classes  # as they were when they last made sense
            self._is_mix = False

    @Slot()
    def _on_add_kind(self) -> None:
        if self._is_mix:
            self._mix.add_class()
            return
        self._classes, self._is_mix = mix_of(self._load), True
        self._mix.show_classes(self._classes)
        self._follow_arrival()
        self.on_edited()

    @Slot()
    def _on_one_kind(self) -> None:
        self._leave_mix()
        self._follow_arrival()
        self.on_edited()

    @Slot()
    def _on_back_to_mix(self) -> None:
        self._is_mix = True
        self._mix.show_classes(self._classes)
        self._follow_arrival()
        self.on_edited()
