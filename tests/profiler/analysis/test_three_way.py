import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.analysis.three_way import ThreeWayPoint, beaten_by, losses
from profiler.records.quality import QualityRecord
from profiler.records.run_record import ModelRecord


def quality(
    *, base: str | None = None, kld: float | None = None, tokens: int = 1000, text: str = "t", bits: float = 1.5
) -> QualityRecord:
    return QualityRecord(
        "calibration.txt", text, 512, tokens, math.e, 0.1, bits,
        base_name=None if base is None else f"{base}.gguf", base_sha256=base, kld_mean=kld,
        kld_mean_stderr=None if kld is None else 0.01,
    )  # fmt: skip


def model(number: int, sha256: str, record: QualityRecord | None) -> ModelRecord:
    return ModelRecord(number, "m", "m.gguf", sha256, "llama", 1, "Q8_0", 1000 * number, 8.5, None, quality=record)


def test_the_base_has_no_loss_and_the_others_theirs_with_an_interval() -> None:
    found = losses([model(1, "b", quality()), model(2, "x", quality(base="b", kld=0.05)), model(3, "y", None)])
    assert found is not None
    assert (found.measure, found.base_name, set(found.by_model)) == ("kld", "b.gguf", {1, 2})
    assert (found.by_model[1].value, found.by_model[1].interval, found.by_model[1].is_base) == (0.0, None, True)
    assert found.by_model[2].interval == pytest.approx((0.05 - 0.0196, 0.05 + 0.0196))
    assert losses([model(3, "y", None)]) is None


def test_a_divergence_is_never_negative() -> None:
    found = losses([model(2, "x", quality(base="b", kld=0.001))])
    assert found is not None
    assert found.by_model[2].interval == pytest.approx((0.0, 0.0206))


def test_models_of_different_bases_compare_by_bits_a_byte() -> None:
    two = [model(1, "x", quality(base="b", kld=0.05, bits=2.0)), model(2, "y", quality(base="c", kld=0.01, bits=1.0))]
    found = losses(two)
    assert found is not None
    assert (found.measure, found.base_name) == ("bits_per_byte", None)
    # With a perplexity of e the mean is 1 nat, so that its error is 0.1 / e of it.
    half = 1.96 * 0.1 / math.e
    assert found.by_model[1].interval == pytest.approx((2.0 - 2 * half, 2.0 + 2 * half))
    assert found.by_model[2].interval == pytest.approx((1.0 - half, 1.0 + half))


def test_other_texts_or_tokens_are_not_held_against_each_other() -> None:
    many = [model(1, "x", quality(base="b", kld=0.05)), model(2, "y", quality(base="b", kld=0.01))]
    found = losses([*many, model(3, "z", quality(base="b", kld=0.9, tokens=50)), model(4, "w", quality(text="other"))])
    assert found is not None
    assert (found.measure, set(found.by_model)) == ("kld", {1, 2})
    assert losses([model(1, "x", quality()), model(4, "w", quality(text="other"))]) is None


def test_beaten_in_all_three() -> None:
    points = {
        1: ThreeWayPoint(100, 500, 0.0),
        2: ThreeWayPoint(120, 400, 0.1),
        3: ThreeWayPoint(110, 450, 0.2),  # 2 is faster, smaller and better
        4: ThreeWayPoint(120, 400, 0.1),  # ties with 2
        5: ThreeWayPoint(90, 300, 0.9),
        6: ThreeWayPoint(10, 900, None),  # it may predict better than all of them
    }
    assert beaten_by(points) == {1: None, 2: None, 3: 2, 4: None, 5: None, 6: None}


def test_without_any_quality_speed_and_memory_decide() -> None:
    points = {1: ThreeWayPoint(100, 500, None), 2: ThreeWayPoint(120, 400, None), 3: ThreeWayPoint(130, 300, None)}
    assert beaten_by(points) == {1: 3, 2: 3, 3: None}


_LEVELS = st.integers(0, 3).map(float)


@settings(max_examples=200)
@given(st.lists(st.builds(ThreeWayPoint, _LEVELS, _LEVELS, _LEVELS), max_size=8))
def test_the_unbeaten_are_the_pareto_front(points: list[ThreeWayPoint]) -> None:
    found = beaten_by(dict(enumerate(points)))
    for (number, one), (other, two) in itertools.permutations(enumerate(points), 2):
        is_as_good = two.output_tok_s >= one.output_tok_s and two.memory_bytes <= one.memory_bytes and two.loss <= one.loss  # type: ignore[operator]
        if is_as_good and two != one:
            assert found[number] is not None
        if found[number] == other:
            assert is_as_good
            assert two != one
