"""What each layer of a model keeps in memory and attends to, after the hyperparameters that llama.cpp reads from the header."""

import re
from dataclasses import dataclass, replace

from profiler.modelfile.description import ModelDescription

_UNKNOWN_MEMORY = frozenset(
    """
    bert modern-bert nomic-bert nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert gemma-embedding wavtokenizer-dec
    dream llada llada-moe rnd1 t5 t5encoder clip
    gemma4-assistant minimax-01 minimax-m3
    """.split()  # noqa: SIM905 - one name a line would fill the page
)
"""Encoders and diffusion models keep no cache; the last line's keep one that their files do not tell whole."""

_ONLY_STATE = frozenset({"mamba", "mamba2"})
_STATE_BESIDE_CACHE = frozenset({"falcon-h1"})
_STATE_WITHOUT_KV_HEADS = frozenset({"jamba", "granitehybrid", "lfm2", "lfm2moe", "nemotron_h", "nemotron_h_moe"})
_STATE_BETWEEN_FULL_ATTENTION = frozenset({"qwen3next", "qwen35", "qwen35moe"})
_WITH_STATE = _ONLY_STATE | _STATE_BESIDE_CACHE | _STATE_WITHOUT_KV_HEADS | _STATE_BETWEEN_FULL_ATTENTION
_DEFAULT_FULL_ATTENTION_INTERVAL = 4

_MLA = frozenset({"deepseek2"})
_OWN_CACHES_OF_GEMMA3N = 20  # fixed in llama.cpp; later layers look at these layers' caches

_STATE_KEYS = re.compile(r"ssm\.|shortconv\.|full_attention_interval|attention\.recurrent")
_MLA_KEYS = re.compile(r"attention\.(kv_lora_rank|key_length_mla)")
_UNKNOWN_KEYS = re.compile(r"wkv\.|kda\.|attention\.(indexer|compress)")


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """What one layer keeps, in elements, and how much of it a query meets.

    Attributes:
        k_elements, v_elements: kept for each token.
        state_elements: kept for each sequence, however long it is, always in F32.
        pair_elements: products that one token makes with one token of its sequence, scores and weighted values together:
            query heads × (K + V of a head).
        heads: query heads that look at the tokens that are kept.
    """

    k_elements: int = 0
    v_elements: int = 0
    state_elements: int = 0
    pair_elements: int = 0
    heads: int = 0


def running_layers(description: ModelDescription) -> int:
    """Layers that the graph of a plain decode runs: all but those for multi-token prediction, which come last."""
    return max(0, (description.block_count or 0) - (description.count("nextn_predict_layers") or 0))


def layers_with_own_cache(description: ModelDescription) -> int:
    """Layers, from the first, that do not look at another one's K and V instead of keeping some."""
    running = running_layers(description)
    if description.architecture == "gemma3n":
        return min(running, _OWN_CACHES_OF_GEMMA3N)
    shared = description.count("attention.shared_kv_layers") or 0
    return max(0, min(running, (description.block_count or 0) - shared))


def layer_memory(description: ModelDescription) -> tuple[LayerMemory, ...] | None:
    """What each running layer keeps, from the first to the last.

    Heads per layer come from `attention.head_count_kv` (one number or one a layer), their size from `attention.key_length` and
    `value_length`, in sliding-window layers from `key_length_swa` and `value_length_swa`. Those layers keep and scan the whole
    context like the others, since `swa_full` is true in llama.cpp's C API. With compressed attention (MLA) K is kept alone: V is
    a part of it.

    Returns:
        None for models whose memory is of another kind, or whose keys do not say it all.
    """
    architecture = description.architecture
    if architecture in _UNKNOWN_MEMORY or not _are_keys_understood(description):
        return None
    if architecture in _ONLY_STATE:
        state = _state_elements(description)
        return None if state is None else (LayerMemory(state_elements=state),) * running_layers(description)
    caches = _attention(description)
    if caches is None or architecture not in _WITH_STATE:
        return caches
    recurrent, state = _recurrent_layers(description), _state_elements(description)
    if recurrent is None or state is None:
        return None
    keeps_both = architecture in _STATE_BESIDE_CACHE
    return tuple(
        replace(cache, state_elements=state)
        if is_recurrent and keeps_both
        else LayerMemory(state_elements=state)
        if is_recurrent
        else cache
        for cache, is_recurrent in zip(caches, recurrent, strict=False)
    )


def _are_keys_understood(description: ModelDescription) -> bool:
    prefix = f"{description.architecture}."
    for key in (key.removeprefix(prefix) for key in description.metadata if key.startswith(prefix)):
        is_strange = (
            _UNKNOWN_KEYS.match(key)
            or (description.architecture not in _WITH_STATE and _STATE_KEYS.match(key))
            or (description.architecture not in _MLA and _MLA_KEYS.match(key))
        )
        if is_strange:
            return False
    return True


def _attention(description: ModelDescription) -> tuple[LayerMemory, ...] | None:
    """The running layers' K and V, as if each were an attention layer."""
    embedding = description.count("embedding_length")
    heads = _per_layer(description, "attention.head_count")
    heads_kv = heads
    if description.value("attention.head_count_kv") is not None:
        heads_kv = _per_layer(description, "attention.head_count_kv")
    windowed = _windowed_layers(description)
    if not heads or not heads[0] or embedding is None or heads_kv is None or windowed is None:
        return None
    k_sizes = _head_elements(description, "key_length", embedding // heads[0])
    v_sizes = _head_elements(description, "value_length", embedding // heads[0])
    compressed = _compressed_v_elements(description)
    own = layers_with_own_cache(description)
    found = []
    for number in range(running_layers(description)):
        k_head, v_head = k_sizes[windowed[number]], v_sizes[windowed[number]]
        kept = heads_kv[number] if number < own else 0
        pairs = heads[number] * (k_head + (compressed or v_head)) if heads_kv[number] else 0
        looking = heads[number] if heads_kv[number] else 0
        found.append(LayerMemory(kept * k_head, 0 if compressed else kept * v_head, 0, pairs, looking))
    return tuple(found)


def _compressed_v_elements(description: ModelDescription) -> int | None:
    """Elements of the compressed V, which is a part of K and the same for all heads; None without MLA.

    Files from before llama.cpp had it keep `kv_lora_rank` but not the other keys: their K and V are kept whole.
    """
    has_mla = all(description.count(f"attention.{what}_length_mla") for what in ("key", "value"))
    return (description.count("attention.kv_lora_rank") or None) if has_mla else None


def _recurrent_layers(description: ModelDescription) -> tuple[bool, ...] | None:
    """Which of the running layers of a hybrid model keep a state."""
    architecture, count = description.architecture, description.block_count or 0
    if architecture in _STATE_BESIDE_CACHE:
        return (True,) * count
    if architecture in _STATE_BETWEEN_FULL_ATTENTION:
        pattern = description.value("attention.recurrent_layers")
        if pattern is not None:
            told = isinstance(pattern, tuple) and len(pattern) == count
            return tuple(bool(entry) for entry in pattern) if told and isinstance(pattern, tuple) else None
        interval = description.count("full_attention_interval") or _DEFAULT_FULL_ATTENTION_INTERVAL
        return tuple((number + 1) % interval != 0 for number in range(count))
    heads_kv = _per_layer(description, "attention.head_count_kv")
    if heads_kv is None:
        return None
    if not architecture.startswith("nemotron"):
        return tuple(not heads for heads in heads_kv)
    feed_forward = _per_layer(description, "feed_forward_length")  # layers are either one: mixer, attention or feed-forward
    if feed_forward is None:
        return None
    return tuple(not heads and not width for heads, width in zip(heads_kv, feed_forward, strict=True))


def _state_elements(description: ModelDescription) -> int | None:
    """Elements of a recurrent layer's state and of its convolution's (`llama_hparams::n_embd_s` and `n_embd_r`)."""
    embedding, width = description.count("embedding_length"), description.count("shortconv.l_cache")
    if width is not None:
        return None if embedding is None else embedding * max(0, width - 1)
    kernel, inner, state = (description.count(f"ssm.{key}") for key in ("conv_kernel", "inner_size", "state_size"))
    if kernel is None or inner is None or state is None:
        return None
    groups = description.count("ssm.group_count") or 0
    return max(0, kernel - 1) * (inner + 2 * groups * state) + state * inner


def _per_layer(description: ModelDescription, key: str) -> tuple[int, ...] | None:
    """A key's value for each layer, be it one number for all or an array; None when absent or of another kind or length."""
    value = description.value(key)
    count = description.block_count or 0
    if isinstance(value, tuple):
        numbers = tuple(entry for entry in value if isinstance(entry, int) and entry >= 0)
        return numbers if len(numbers) == len(value) == count else None
    number = description.count(key)
    return None if number is None else (number,) * count


def _head_elements(description: ModelDescription, key: str, default: int) -> tuple[int, int]:
    """Elements of a head's K or V, in layers that see all and in layers with a sliding window."""
    full = description.count(f"attention.{key}")
    full = default if full is None else full
    in_window = description.count(f"attention.{key}_swa")
    return full, full if in_window is None else in_window


def _windowed_layers(description: ModelDescription) -> tuple[bool, ...] | None:
    """Which layers look at a sliding window only, as far as it matters; None when it matters and the file does not tell.

    It matters where their heads have another size.
    """
    count = description.block_count or 0
    if all(description.value(f"attention.{what}_swa") is None for what in ("key_length", "value_length")):
        return (False,) * count
    pattern = description.value("attention.sliding_window_pattern")
    if isinstance(pattern, tuple) and len(pattern) >= count:
        return tuple(bool(entry) for entry in pattern[:count])
    return None
