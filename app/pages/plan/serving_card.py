"""The card of how requests are served: batching, the prefix cache, and what happens to those that wait."""

from PySide6.QtCore import Slot

from app.pages.plan.form_card import Document
from app.pages.plan.section_card import SectionCard, told_values
from app.widgets.chips import Chips, Choice
from app.widgets.fold import Fold
from app.widgets.form_row import FormRow
from profiler.plan.plan import Load, Plan

CONTINUOUS, STATIC, SEQUENTIAL = "continuous", "static", "sequential"

_BATCHING = (
    Choice(CONTINUOUS, "Continuous", "Requests join and leave the batch at any step (continuous batching)"),
    Choice(STATIC, "Static", "A batch is collected and runs until its last answer ends; later requests wait for the next one"),
    Choice(SEQUENTIAL, "One at a time", "Each request has the machine for itself (sequential)"),
)
_CACHE = (
    Choice("off", "off", "Every prompt is read from its beginning"),
    Choice("on", "on", "What was read before is kept for prompts that begin with it; both at once compares them"),
)
_PRIORITY = (
    Choice("decode", "Running answers", "They go on in every step; prompts are read in chunks beside them (decode first)"),
    Choice("prefill", "New prompts", "Running answers wait while a prompt is being read (prefill first)"),
)
_SAMPLING = (
    Choice("greedy", "Greedy", "Takes the most likely token"),
    Choice("none", "None", "Does not look at the logits, as llama-bench does"),
)
_SHORT_PX = 72


class ServingCard(SectionCard):
    """The policy of the load; several values on one field make it an axis."""

    def __init__(self) -> None:
        super().__init__("load", "Serving")
        self._batching = Chips(_BATCHING, several=True)
        self._batching.chosen.connect(self._follow_batching)  # before the plan is read
        self.choices("batching", self._batching)
        self.add_fields(FormRow("Batching", self._batching), "batching")
        size, wait = self.axis("static_batch_size", _SHORT_PX), self.axis("static_wait_ms", _SHORT_PX)
        size.setAccessibleName("Requests of a static batch")
        wait.setAccessibleName("Milliseconds until a static batch starts")
        self._static_row = self.add_fields(
            FormRow(
                "A batch starts",
                "with",
                size,
                "requests, or after",
                wait,
                "ms",
                term="Static batching: as many as gather, or as many as there are when the first has waited so long",
            ),
            "static_batch_size",
            "static_wait_ms",
        )
        cache = self.choices("prefix_cache", Chips(_CACHE, several=True))
        self.add_fields(FormRow("Prefix cache", cache), "prefix_cache")
        self._fold = Fold("", "prefill, waiting, depth, sampling")
        self.body.addWidget(self._fold)
        self._add_folded()
        self.show_fields(Load())
        self._follow_batching()

    def _add_folded(self) -> None:
        priority = self.choices("priority", Chips(_PRIORITY, several=True))
        self._priority_row = self.add_fields(FormRow("Served first", priority), "priority", fold=self._fold)
        chunk = self.axis("prefill_chunk", default="the batch size")
        self._chunk_row = self.add_fields(
            FormRow("Prefill chunk", chunk, "tokens", term="Most prompt tokens in a step beside running decodes"),
            "prefill_chunk",
            fold=self._fold,
        )
        limit, timeout = self.single("queue_limit", default="any"), self.single("timeout", default="never")
        self.add_fields(
            FormRow("Waiting, at most", limit, "requests", term="Queue limit: a request that finds so many waiting is refused"),
            "queue_limit",
            fold=self._fold,
        )
        self.add_fields(
            FormRow("Given up after", timeout, "s", term="Time-out: a request that has not ended so long after it was due"),
            "timeout",
            fold=self._fold,
        )
        depth = self.axis("depth", _SHORT_PX)
        self.add_fields(
            FormRow("Depth", depth, "tokens in every slot before the start", term="llama-bench's -d: how full the KV cache is"),
            "depth",
            fold=self._fold,
        )
        sampling = self.choices("sampling", Chips(_SAMPLING, several=True))
        self.add_fields(FormRow("Sampling", sampling), "sampling", fold=self._fold)

    @property
    def fold(self) -> Fold:
        """What is seldom changed."""
        return self._fold

    def show_plan(self, plan: Plan) -> None:
        """Show how the plan's load is served."""
        self.show_fields(plan.load)
        self._follow_batching()

    def set_load(self, load: Load, names: list[str]) -> None:
        """Take over these fields, as a use case wants them; those of other cards are passed over."""
        self.show_fields(load, names)
        self._follow_batching()

    def follow(self, plan: Plan) -> None:
        """Sum up what is folded: what is not as usual."""
        load, usual = plan.load, Load()
        first = {"decode": "running answers first", "prefill": "new prompts first"}
        parts = [
            "" if load.priority == usual.priority else told_values(load.priority, first),
            "" if load.prefill_chunk is None else f"prefill chunk {told_values(load.prefill_chunk)}",
            "" if load.queue_limit is None else f"at most {load.queue_limit} waiting",
            "" if load.timeout is None else f"given up after {load.timeout:g} s",
            "" if load.depth == usual.depth else f"depth {told_values(load.depth)}",
            "" if load.sampling == usual.sampling else f"sampling {told_values(load.sampling)}",
        ]
        told = " · ".join(filter(None, parts))
        self._fold.set_summary(told or "running answers first, nobody is refused, sampling greedy")

    def document(self) -> Document:
        """The policy as it is typed; what has no meaning for this batching is left out."""
        return {"load": self.typed()}

    @Slot()
    def _follow_batching(self) -> None:
        chosen = self._batching.values()
        self.use(self._static_row, STATIC in chosen)
        self.use(self._priority_row, CONTINUOUS in chosen)
        self.use(self._chunk_row, CONTINUOUS in chosen)
