"""The fourth card: llama.cpp's settings, in one line until somebody wants to change them."""

from app.pages.plan.form_card import Document, FormCard
from app.widgets.axis_field import AxisField
from app.widgets.chips import Chips, Choice
from app.widgets.fold import Fold
from app.widgets.form_row import FormRow
from profiler.modelfile.kv_cache import CACHE_TYPES
from profiler.plan.plan import Plan

_NUMBERS = (
    ("threads", "Threads", "for decode steps", "n_threads; several values make an axis"),
    ("threads_batch", "Threads, prefill", "", "n_threads_batch, for passes over more than one token"),
    ("batch_size", "Batch", "tokens in a decode call", "n_batch"),
    ("ubatch_size", "Micro-batch", "tokens in a pass over the weights", "n_ubatch"),
    ("ctx_size", "Context", "tokens that each slot may hold", "n_ctx is slots × this"),
    ("n_gpu_layers", "GPU layers", "", "Layers that go to the GPU"),
)
_OPTIONAL = ("threads", "threads_batch", "ctx_size", "n_gpu_layers")
_CHOICES = (
    ("flash_attn", "Flash attention", ("auto", "on", "off"), "flash_attn"),
    ("cache_type_k", "K cache", CACHE_TYPES, "type_k"),
    ("cache_type_v", "V cache", CACHE_TYPES, "type_v"),
    ("kv_unified", "Unified KV", ("on", "off"), "One buffer for all sequences instead of a stream each (kv_unified)"),
)


class EngineCard(FormCard):
    """Every axis of the engine; several values on one make it an axis of the sweep."""

    def __init__(self, default_threads: int) -> None:
        super().__init__()
        self.setAccessibleName("Engine")
        self._default_threads = default_threads
        self.fold = Fold("Engine", "engine settings")
        self.body.addWidget(self.fold)
        defaults = {
            "threads": f"{default_threads} (cores)",
            "threads_batch": "as threads",
            "ctx_size": "what fits",
            "n_gpu_layers": "all, if there is one",
        }
        self._numbers: dict[str, AxisField] = {}
        self._choices: dict[str, Chips] = {}
        for name, label, words, term in _NUMBERS:
            field = AxisField(default=defaults.get(name, ""))
            field.textEdited.connect(self.on_edited)
            self._numbers[name] = field
            self.add_row(FormRow(label, field, *([words] if words else []), term=term), f"engine.{name}", fold=self.fold)
        for name, label, values, term in _CHOICES:
            chips = Chips([Choice(value, value) for value in values], several=True)
            chips.chosen.connect(self.on_edited)
            self._choices[name] = chips
            self.add_row(FormRow(label, chips, term=term), f"engine.{name}", fold=self.fold)
        self._mmap = Chips([Choice("on", "on"), Choice("off", "off")])
        self._mmap.chosen.connect(self.on_edited)
        self.add_row(
            FormRow("Memory map", self._mmap, term="Map the file instead of reading it (use_mmap)"), "engine.mmap", fold=self.fold
        )

    def show_plan(self, plan: Plan) -> None:
        """Show the plan's engine settings."""
        for name, field in self._numbers.items():
            field.show_values(getattr(plan.engine, name))
        for name, chips in self._choices.items():
            values = getattr(plan.engine, name)
            offered = next(values for choice, _, values, _ in _CHOICES if choice == name)
            chips.set_choices([Choice(value, value) for value in dict.fromkeys((*offered, *values))])
            chips.choose(*values)
        self._mmap.choose(plan.engine.mmap)

    def follow(self, plan: Plan) -> None:
        """Sum up what is folded."""
        engine = plan.engine

        def told(values: tuple[object, ...] | None, default: object) -> str:
            return ", ".join(map(str, values)) if values else str(default)

        cache = [told(engine.cache_type_k, ""), told(engine.cache_type_v, "")]
        parts = [
            f"threads {told(engine.threads, self._default_threads)}",
            f"prefill threads {told(engine.threads_batch, '')}" if engine.threads_batch else "",
            f"batch {told(engine.batch_size, '')}",
            f"micro-batch {told(engine.ubatch_size, '')}",
            f"context {told(engine.ctx_size, 'as needed')}",
            f"GPU layers {told(engine.n_gpu_layers, '')}" if engine.n_gpu_layers is not None else "",
            f"flash attention {told(engine.flash_attn, '')}",
            f"KV {cache[0]}" if cache[0] == cache[1] else f"K {cache[0]} · V {cache[1]}",
            f"unified KV {told(engine.kv_unified, '')}" if engine.kv_unified != ("on",) else "",
            "no memory map" if engine.mmap == "off" else "",
        ]
        self.fold.set_summary(" · ".join(filter(None, parts)))

    def document(self) -> Document:
        """The settings as they are typed."""
        engine: dict[str, object] = {}
        for name, field in self._numbers.items():
            engine[name] = field.values() or (None if name in _OPTIONAL else [])
        for name, chips in self._choices.items():
            engine[name] = list(chips.values())
        engine["mmap"] = self._mmap.value()
        return {"engine": engine}
