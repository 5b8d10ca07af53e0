from pathlib import Path

import pytest

from profiler.analysis.breakdown import GROUPS
from profiler.cli.breakdown import breakdown_document
from profiler.cli.main import VERBS, main
from tests.profiler.analysis.test_step_breakdown import FOUND


def test_it_is_a_command():
    assert "breakdown" in VERBS


@pytest.mark.parametrize(
    ("counts", "words"), [("1,two", "whole numbers"), ("0", "from 1 to"), ("1,9999", "from 1 to"), ("", "whole")]
)
def test_a_list_that_is_none_is_refused(capsys, sample_model, counts, words):
    assert main(["breakdown", str(sample_model), "--concurrency", counts]) == 2
    assert words in capsys.readouterr().err


def test_the_document_adds_up():
    from dataclasses import replace

    found = replace(FOUND, look={**FOUND.look, "context": {"slots": 4}})
    document = breakdown_document(Path("m.gguf"), found)
    (step,) = document["steps"]
    assert set(step["groups"]) == set(GROUPS)
    # 20 µs of the call that nobody looks at and 5 of sampling; looked at it takes 40.
    assert step["step_ms"] == pytest.approx(0.025)
    assert (step["looked_ms"], step["unlooked_ms"], step["looking_ratio"]) == (pytest.approx(0.04), pytest.approx(0.02), 2)
    assert sum(group["ms"] for group in step["groups"].values()) == pytest.approx(step["step_ms"])
    assert sum(group["share"] for group in step["groups"].values()) == pytest.approx(1)
    layers = sum(layer.get(f"{name}_ms", 0) for layer in step["layers"] for name in ("attention", "kv_write", "mlp"))
    assert layers == pytest.approx(sum(step["groups"][name]["ms"] for name in ("attention", "kv_write", "mlp")))
    assert document["doubts"] == ["Disturbed."]
