"""The card of llama.cpp's settings, in one line until somebody wants to change them."""

from collections.abc import Iterable

from app.pages.plan.form_card import Document
from app.pages.plan.section_card import SectionCard, told_values
from app.widgets.chips import Chips, Choice
from app.widgets.fold import Fold
from app.widgets.form_row import FormRow
from profiler.modelfile.kv_cache import CACHE_TYPES
from profiler.plan.plan import Engine, Plan

_NUMBERS = (
    ("threads", "Threads", "for decode steps", "n_threads; several values make an axis"),
    ("threads_batch", "Threads, prefill", "", "n_threads_batch, for passes over more than one token"),
    ("batch_size", "Batch", "tokens in a decode call", "n_batch"),
    ("ubatch_size", "Micro-batch", "tokens in a pass over the weights", "n_ubatch"),
    ("ctx_size", "Context", "tokens that each slot may hold", "n_ctx is slots × this"),
    ("n_gpu_layers", "GPU layers", "", "Layers that go to the GPU"),
    ("tensor_split", "Tensor split", "a part for each GPU, as 3/1", "tensor_split: how much of the model each GPU gets"),
    ("main_gpu", "Main GPU", "its number, from 0", "main_gpu: the device that does what is not split"),
)
_ON_OFF = ("on", "off")
_CHOICES = (
    ("split_mode", "GPU split", ("layer", "row", "none"), "split_mode: whole layers or rows of tensors on each GPU, or one GPU"),
    ("op_offload", "Op offload", _ON_OFF, "Large operations on tensors in main memory go to a GPU (op_offload)"),
    ("flash_attn", "Flash attention", ("auto", *_ON_OFF), "flash_attn"),
    ("cache_type_k", "K cache", CACHE_TYPES, "type_k"),
    ("cache_type_v", "V cache", CACHE_TYPES, "type_v"),
    ("kv_unified", "Unified KV", _ON_OFF, "One buffer for all sequences instead of a stream each (kv_unified)"),
    ("mmap", "Memory map", _ON_OFF, "Map the file instead of reading it (use_mmap)"),
    ("kv_offload", "KV offload", _ON_OFF, "The KV cache goes to a GPU, where there is one (offload_kqv)"),
    ("repack", "Repacked weights", _ON_OFF, "Lay weights out anew for this processor (use_extra_bufts)"),
    ("no_host", "No host buffers", _ON_OFF, "Keep weights out of a GPU's pinned host memory (no_host)"),
)
_TOLD_WHEN_CHANGED = (
    ("kv_unified", "unified KV"),
    ("mmap", "memory map"),
    ("op_offload", "op offload"),
    ("kv_offload", "KV offload"),
    ("repack", "repacked weights"),
    ("no_host", "no host buffers"),
    ("split_mode", "GPU split"),
    ("tensor_split", "tensor split"),
    ("main_gpu", "main GPU"),
)


class EngineCard(SectionCard):
    """Every axis of the engine; several values on one make it an axis of the sweep."""

    def __init__(self, default_threads: int) -> None:
        super().__init__("engine")
        self.setAccessibleName("Engine")
        self._default_threads = default_threads
        self.fold = Fold("Engine", "engine settings")
        self.body.addWidget(self.fold)
        defaults = {
            "threads": f"{default_threads} (cores)",
            "threads_batch": "as threads",
            "ctx_size": "what fits",
            "n_gpu_layers": "all, if there is one",
            "tensor_split": "llama.cpp's own",
        }
        self._numbers = {name: self.axis(name, default=defaults.get(name)) for name, *_ in _NUMBERS}
        self._chips = {name: self.choices(name, Chips(_offered(values), several=True)) for name, _, values, _ in _CHOICES}
        for name, label, words, term in _NUMBERS:
            self.add_fields(FormRow(label, self._numbers[name], *([words] if words else []), term=term), name, fold=self.fold)
        for name, label, _, term in _CHOICES:
            self.add_fields(FormRow(label, self._chips[name], term=term), name, fold=self.fold)

    def show_plan(self, plan: Plan) -> None:
        """Show the plan's engine settings."""
        for name in ("cache_type_k", "cache_type_v"):
            self._chips[name].set_choices(_offered(dict.fromkeys((*CACHE_TYPES, *getattr(plan.engine, name)))))
        self.show_fields(plan.engine)

    def follow(self, plan: Plan) -> None:
        """Sum up what is folded."""
        engine, usual = plan.engine, Engine()

        def told(values: tuple[object, ...] | None, default: object) -> str:
            return told_values(values) if values else str(default)

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
            *(
                f"{label} {told(getattr(engine, name), '')}"
                for name, label in _TOLD_WHEN_CHANGED
                if getattr(engine, name) != getattr(usual, name)
            ),
        ]
        self.fold.set_summary(" · ".join(filter(None, parts)))

    def document(self) -> Document:
        """The settings as they are typed."""
        return {"engine": self.typed()}


def _offered(values: Iterable[str]) -> list[Choice]:
    return [Choice(value, value) for value in values]
