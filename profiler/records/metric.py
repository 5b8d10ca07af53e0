"""Every metric's name, unit and direction, once. What they mean is computed in `profiler.analysis`."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", "neither"]

STATISTICS = ("mean", "p50", "p90", "p95", "p99", "max", "n")


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure that a run can have.

    Attributes:
        name: the key in JSON and the column stem in the session's views.
        unit: as shown behind the number; empty for a bare ratio.
        better: the direction in which a user gains.
        label: words a user would say.
        term: the field's term, for tooltips and expert mode.
        is_distribution: True when the figure is an object of STATISTICS over raw values, False for one number.
    """

    name: str
    unit: str
    better: Better
    label: str
    term: str
    is_distribution: bool = False


METRICS: tuple[Metric, ...] = (
    Metric("ttft_ms", "ms", "lower", "First token", "TTFT, time to first token, from when the request was due", True),
    Metric("queue_ms", "ms", "lower", "Waiting", "queue time, from due to the start of prefill", True),
    Metric("prefill_ms", "ms", "lower", "Reading the prompt", "prefill time, from its start to the first token", True),
    Metric("itl_ms", "ms", "lower", "Between tokens", "ITL, inter-token latency, all gaps pooled; max: longest freeze", True),
    Metric("tpot_ms", "ms", "lower", "Each token", "TPOT, (last token - first token) / (n - 1) of each request", True),
    Metric("e2e_ms", "ms", "lower", "Whole answer", "E2E, end-to-end latency, from when the request was due", True),
    Metric("output_tok_s", "tok/s", "higher", "Output", "output tokens stamped in the window / window"),
    Metric("prompt_tok_s", "tok/s", "higher", "Prompt", "prompt tokens prefilled in the window / window"),
    Metric("requests_s", "req/s", "higher", "Requests", "requests completed in the window / window"),
    Metric("goodput_s", "req/s", "higher", "Good requests", "requests meeting every limit / window"),
    Metric("attainment", "%", "higher", "Kept limits", "good requests / all requests due in the window"),
    Metric("user_tok_s", "tok/s", "higher", "Each user", "sum of (n - 1) / sum of (last - first token)"),
    Metric("low1_tok_s", "tok/s", "higher", "Slowest moments", "1 % low: 1 / mean of the longest 1 % of token gaps"),
    Metric("below_reading_share", "%", "lower", "Slower than reading", "time in token gaps over 1/7 s / time in all gaps"),
    Metric("queue_growth_s", "req/s", "lower", "Queue growth", "slope of requests in the system, open loop at a steady rate"),
    Metric("batch_occupancy", "sequences", "neither", "Batch", "time-weighted mean of sequences in a step"),
    Metric("kv_occupancy", "%", "neither", "KV cache used", "time-weighted mean of KV cells in use / cells allocated"),
    Metric("cache_hit_rate", "%", "higher", "From cache", "cached prompt tokens / prompt tokens of requests due in the window"),
    Metric("cached_tok_s", "tok/s", "higher", "Cached prompt", "prompt tokens taken from the prefix cache / window"),
    Metric("evictions", "", "lower", "Given up", "evictions: entries that the prefix cache gave up in the whole run"),
    Metric("bandwidth_gb_s", "GB/s", "higher", "Bandwidth", "bytes a decode step must read / its seconds"),
    Metric("bandwidth_share", "%", "higher", "Share of bandwidth", "achieved bandwidth / measured peak"),
    Metric("rss_peak_bytes", "bytes", "lower", "Memory", "peak resident set of the engine process"),
    Metric("vram_peak_bytes", "bytes", "lower", "VRAM", "peak of the used memory over all GPUs"),
    Metric("energy_j", "J", "lower", "Energy", "energy of the run, as far as a meter was readable"),
    Metric("tokens_per_joule", "tok/J", "higher", "Tokens per joule", "output tokens / energy"),
    Metric("energy_net_j", "J", "lower", "Energy above idle", "energy less what the meters showed at idle before the sweep"),
    Metric(
        "joules_per_output_token", "J/tok", "lower", "Energy a token", "energy above idle / output tokens stamped in the window"
    ),
    Metric("joules_per_request", "J/req", "lower", "Energy a request", "energy above idle / requests completed in the window"),
    Metric("perplexity", "", "lower", "Perplexity", "exp of the mean negative log-likelihood"),
    Metric("kld_mean", "nat", "lower", "KL divergence", "mean KL divergence against the base model"),
    Metric("top1_agreement", "%", "higher", "Same first choice", "share of tokens where both models rank one token first"),
)

BY_NAME = {metric.name: metric for metric in METRICS}
LATENCIES = tuple(metric.name for metric in METRICS if metric.is_distribution)
SINGLES = tuple(metric.name for metric in METRICS if not metric.is_distribution)
