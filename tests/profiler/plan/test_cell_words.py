from profiler.plan.cell_words import axis_words, cell_title
from profiler.records.axis import Configuration


def test_axes_within_a_sentence() -> None:
    names = ("kv_unified", "cache_type_k", "flash_attn", "n_gpu_layers")
    assert [axis_words(name) for name in names] == ["unified KV", "K cache", "flash attention", "GPU layers"]


def test_titles_of_cells_of_an_open_loop() -> None:
    poisson: Configuration = {"quant": "Q8_0", "arrival": "poisson", "rate": 2.0, "concurrency": 8, "slots": 8}
    assert cell_title(poisson) == "Q8_0 · Poisson · rate 2 req/s"
    assert cell_title({**poisson, "batching": "continuous"}, ("batching", "slots")) == (
        "Q8_0 · Poisson · 8 slots · rate 2 req/s · continuous"
    )
    assert (
        cell_title({"quant": "Q8_0", "arrival": "offline", "concurrency": 8}, ("concurrency",)) == "Q8_0 · all at once · 8 slots"
    )
    assert cell_title({"quant": "Q8_0", "arrival": "mix", "concurrency": None}) == "Q8_0 · mix"


def test_titles_of_cells() -> None:
    assert cell_title({"quant": "Q4_K_M", "concurrency": 8, "threads": 2}) == "Q4_K_M · 8 users"
    assert cell_title({"quant": "Q4_K_M", "concurrency": 1, "threads": 2}, ("threads",)) == "Q4_K_M · 1 user · threads 2"
    assert cell_title({"quant": "Q8_0", "arrival": "offline", "concurrency": None}) == "Q8_0 · all at once"
    assert cell_title({"model": "Qwen3-8B", "quant": "as-is", "concurrency": 2}) == "Qwen3-8B · 2 users"
    assert cell_title({"model": "Qwen3-8B", "quant": "as-is", "concurrency": 2}, ("model",)) == "Qwen3-8B · as is · 2 users"
