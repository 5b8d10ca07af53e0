"""A look inside a made-up model's steps: two layers, times that can be reckoned by hand."""

from profiler.analysis.breakdown import breakdowns
from profiler.analysis.step_breakdown import StepBreakdown


def nodes(attention: float, mlp: float, output: float) -> list[list[object]]:
    """Two layers, times in ms: each with this attention and this MLP; 0.1 of KV write each, and the output at the end."""
    found: list[list[object]] = [["embd", "GET_ROWS", 0.0]]
    for layer in range(2):
        found += [
            [f"Qcur-{layer}", "MUL_MAT", attention / 1e3],
            [f"cache_k_l{layer} (view)", "SET_ROWS", 0.1 / 1e3],
            [f"ffn_out-{layer}", "MUL_MAT", mlp / 1e3],
        ]
    return [*found, ["result_output", "MUL_MAT", output / 1e3]]


def one_pass(
    kind: str, sequences: int, tokens: int, attention: float, mlp: float, looked: float, output: float = 1.0
) -> dict[str, object]:
    unlooked = 2 * (attention + mlp + 0.1) + output
    return {
        "kind": kind,
        "sequences": sequences,
        "tokens": tokens,
        "depth": 72,
        "steps": 5,
        "nodes": nodes(attention, mlp, output),
        "looked_s": looked * unlooked / 1e3,
        "unlooked_s": unlooked / 1e3,
        "sampling_s": 0.0,
    }


RESULT = {
    "passes": [
        one_pass("decode", 1, 1, 1.9, 2.0, 2.0),  # 9 ms, of which attention 3.8
        one_pass("decode", 4, 4, 6.9, 2.5, 1.5, 1.2),  # 20.2 ms, of which attention 13.8
        one_pass("prefill", 1, 64, 9.0, 14.4, 1.2),
    ]
}
FOUND = StepBreakdown({"depth": 72}, "0.3.36", "2026-11-25T04:08:00+00:00", breakdowns(RESULT), RESULT)
