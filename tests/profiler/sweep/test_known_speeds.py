import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from profiler.hardware.memory_speed import kept_memory_speed
from profiler.modelfile.description import describe
from profiler.models import kernel_speeds, machine_prediction, prediction_residuals
from profiler.plan.cells import expand
from profiler.plan.plan import Plan
from profiler.plan.resolution import specification
from profiler.records.kernel_speed import KernelSpeed
from profiler.records.run_record import RunRecord
from profiler.records.timing import RunData
from profiler.sweep import known_speeds
from profiler.sweep.estimate import KIN_SPREAD, KNOWN_SPREAD, SPREAD, estimate, remaining_seconds
from profiler.sweep.known_speeds import Speeds, StepSpeed, known, learn, measured
from tests.helpers.served_session import served

VERSION = "0.3.36"
OVERHEAD_S = 1.5
SHAPES = [(("wide", "q4_1"), 2), (("thin", "q4_1"), 32)]


@pytest.fixture(scope="module")
def description(sample_model):
    return describe(sample_model)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))


def plan_of(load, **sections):
    return Plan.from_document({"load": load, "trust": {"repetitions": 1}, **sections})


def orders(plan):
    return [specification(plan, cell, Path("model.gguf"), 1) for cell in expand(plan, ["m"], 2)]


def run_of(order):
    """The run in virtual time, what it took in all, and its record."""
    data = served(order)
    ends_ns = data.requests["end_ns"]
    return RunRecord(1, 1, 1, 1, order), data, float(ends_ns.max()) / 1e9 + OVERHEAD_S


def teach(load, description):
    for order in orders(plan_of(load)):
        run, data, elapsed_s = run_of(order)
        learn(run, data, description, VERSION, elapsed_s)


def foretold(plan, description, speeds=None):
    return estimate(plan, expand(plan, ["m"], 2), {"m": description}, None, 10**12, known() if speeds is None else speeds)


@pytest.mark.parametrize(
    "load",
    [
        {"concurrency": [1, 2, 4, 8, 16], "prompt_tokens": 64, "output_tokens": 32},
        {"concurrency": [2, 8], "prompt_tokens": [16, 512], "output_tokens": [8, 128]},
        {"concurrency": 8, "slots": 4, "requests_per_user": 8},
        {"concurrency": 4, "think_time": 2, "requests_per_user": 8},
        {"concurrency": 6, "prompt_tokens": "uniform:16:256", "output_tokens": "lognormal:48:0.5", "requests_per_user": 8},
        {"concurrency": 4, "turns": 3, "prompt_tokens": 40, "output_tokens": 24, "requests_per_user": 6},
        {"concurrency": 4, "batching": ["static", "sequential"], "static_batch_size": 4},
        {"concurrency": 4, "duration": 20},
        {"arrival": "offline", "slots": [4, 8], "requests": 32},
        {"arrival": "poisson", "rate": [0.5, 2], "duration": 30, "slots": 8},
        {"arrival": "constant", "rate": 20, "duration": 10, "slots": 4},
        {"concurrency": 4, "prefix_cache": "on", "shared_prefix": 0.5, "prompt_tokens": 400, "requests_per_user": 8},
    ],
    ids=lambda load: "-".join(f"{name}={value}" for name, value in load.items())[:60],
)
def test_once_two_loads_were_timed_others_are_foretold_within_30_percent(load, description):
    teach({"concurrency": [1, 8], "prompt_tokens": 128, "output_tokens": 24}, description)
    plan = plan_of(load)
    told = foretold(plan, description)
    took = [run_of(order)[2] for order in orders(plan)]
    for guess, truth in zip(told.cell_seconds, took, strict=True):
        print(f"foretold {guess:.1f} s, took {truth:.1f} s")
        assert truth / KNOWN_SPREAD <= guess <= truth * KNOWN_SPREAD
    assert told.seconds == pytest.approx(sum(told.cell_seconds))
    assert told.seconds_high == pytest.approx(told.seconds * KNOWN_SPREAD)
    assert told.seconds_low == pytest.approx(told.seconds / KNOWN_SPREAD)


def test_what_a_run_took_by_the_virtual_engines_own_rule(description):
    (order,) = orders(plan_of({"concurrency": 4, "prompt_tokens": 100, "output_tokens": 20}))
    run, data, elapsed_s = run_of(order)
    speeds = measured(run, data, description, VERSION, elapsed_s)
    # 20 ms a pass, 2 ms a decode, half a millisecond a prompt token.
    for step in speeds.decode:
        assert step.seconds == pytest.approx(0.020 + 0.002 * step.sequences)
    assert speeds.decode_s(4, 110) == pytest.approx(0.028)
    assert speeds.decode_s(16, 110) == pytest.approx(0.052)
    # A prefill step that nobody decodes in costs a pass of its own, of which two thousandths belong to a decode.
    assert speeds.prefill_s == pytest.approx(0.0005, rel=0.05)
    assert speeds.overhead_s == pytest.approx(OVERHEAD_S, abs=0.01)


def test_pauses_count_only_where_the_loop_was_at_work(description, monkeypatch):
    (order,) = orders(plan_of({"concurrency": 1, "output_tokens": 20}))
    run, data, _ = run_of(order)
    steps = data.steps.copy()
    later_ns = np.arange(len(steps)) * 1_000_000  # 1 ms of the loop's own work before each step of 22 ms
    later_ns[len(steps) // 2 :] += 10**9  # and once a second in which nothing was there
    for name in ("start_ns", "end_ns"):
        steps[name] += later_ns
    speeds = measured(run, dataclasses.replace(data, steps=steps), description, VERSION)
    assert speeds.decode[0].seconds == pytest.approx(0.023)


def test_too_few_steps_teach_nothing(description):
    (order,) = orders(plan_of({"concurrency": 1, "output_tokens": 2, "requests_per_user": 1}))
    assert measured(RunRecord(1, 1, 1, 1, order), RunData(), description, VERSION) is None
    run, data, _ = run_of(order)
    assert measured(run, data, description, VERSION) is None
    learn(run, data, description, VERSION)
    assert known() == ()


def speeds_of(description, *decode, **changes):
    (order,) = orders(plan_of({"concurrency": 1}))
    made = Speeds(
        description.architecture,
        description.parameters,
        description.quantization,
        description.tensor_bytes,
        known_speeds.settings_of(order),
        known_speeds.kin_of(order),
        VERSION,
        decode or (StepSpeed(1, 100, 0.01),),
        0.001,
        1.0,
    )
    return dataclasses.replace(made, **changes)


def test_steps_between_and_beyond_the_measured_sizes_and_depths(description):
    speeds = speeds_of(
        description,
        StepSpeed(1, 100, 0.010),
        StepSpeed(4, 120, 0.016),
        StepSpeed(8, 110, 0.032),
        StepSpeed(1, 4000, 0.050),
    )
    assert speeds.decode_s(2, 100) == pytest.approx(0.012)
    assert speeds.decode_s(4, 150) == pytest.approx(0.016)
    assert speeds.decode_s(10, 100) == pytest.approx(0.040)
    assert speeds.decode_s(1, 3000) == pytest.approx(0.050)
    alone = speeds_of(description, StepSpeed(4, 100, 0.02))
    assert alone.decode_s(8, 100) == alone.decode_s(1, 9) == 0.02
    pair = speeds_of(description, StepSpeed(4, 100, 0.02), StepSpeed(8, 100, 0.06))
    assert pair.decode_s(1, 100) == pytest.approx(0.2 * 0.02)  # the straight line would fall below nothing


def test_the_nearer_the_measurement_the_narrower_the_range(description):
    plan = plan_of({"concurrency": 1})

    def spread(*speeds):
        told = foretold(plan, description, speeds)
        return told.seconds_high / told.seconds

    assert spread() == pytest.approx(SPREAD)
    assert spread(speeds_of(description)) == pytest.approx(KNOWN_SPREAD)
    assert spread(speeds_of(description, settings="others")) == pytest.approx(KIN_SPREAD)
    assert spread(speeds_of(description, quantization="Q8_0")) == pytest.approx(KIN_SPREAD)
    for stranger in ({"kin": "threads 64/64 layers 0"}, {"parameters": 5}, {"architecture": "gpt2"}):
        assert spread(speeds_of(description, **stranger)) == pytest.approx(SPREAD)


def test_another_quantization_is_scaled_by_its_bytes(description):
    plan = plan_of({"concurrency": 1, "output_tokens": 1000}, models={"quant": ["F16", "Q4_0"]})
    large, small = foretold(plan, description, [speeds_of(description)]).cell_seconds
    # Half of a step goes with the bytes: 16 bits a weight against 4.5, in units of the sample's own.
    own_bits = 8 * description.tensor_bytes / description.parameters
    ratio = (1 + 16 / own_bits) / (1 + 4.5 / own_bits)
    beside = 1.0 + 4 * 128 * 0.001  # overhead and prompts
    assert (large - beside) / (small - beside) == pytest.approx(ratio, rel=1e-6)


def test_what_was_learned_twice_is_the_mean_and_the_file_is_one_machines(description, monkeypatch):
    (order,) = orders(plan_of({"concurrency": 1, "output_tokens": 20}))
    run, data, elapsed_s = run_of(order)
    learn(run, data, description, VERSION, elapsed_s)
    learn(run, data, description, VERSION, elapsed_s + 2)
    (kept,) = known()
    assert kept.overhead_s == pytest.approx(OVERHEAD_S + 1, abs=0.01)
    assert [step.sequences for step in kept.decode] == [1]
    learn(run, data, description, "0.4.0", elapsed_s)
    assert [each.library_version for each in known()] == [VERSION, "0.4.0"]
    monkeypatch.setattr(known_speeds, "_machine", lambda: {"cpu": "another"})
    assert known() == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document.clear(),
        lambda document: document.update(format=0),
        lambda document: document["speeds"][0].pop("kin"),
        lambda document: document["speeds"][0].update(prefill_s=-1),
        lambda document: document["speeds"][0].update(decode=[]),
        lambda document: document["speeds"][0]["decode"][0].update(seconds="soon"),
        lambda document: document["speeds"][0]["decode"][0].update(sequences=0),
    ],
)
def test_a_damaged_file_is_as_good_as_none(description, damage):
    teach({"concurrency": 1}, description)
    file = known_speeds._file()
    document = json.loads(file.read_text())
    damage(document)
    file.write_text(json.dumps(document))
    assert known() == ()
    file.write_text("{")
    assert known() == ()
    teach({"concurrency": 1}, description)
    assert len(known()) == 1


def test_the_rest_is_corrected_by_what_has_run():
    foretold_s = {1: 10.0, 2: 20.0, 3: 40.0, 4: None}
    # Cells 1 and 2 took half as long again as foretold, so that cell 3 will, too.
    assert remaining_seconds(foretold_s, {1: [15.0, 15.0], 2: [30.0]}, [1, 3, 3]) == pytest.approx(15 + 2 * 60)
    assert remaining_seconds(foretold_s, {1: [15.0], 2: [30.0]}, [4]) == pytest.approx(22.5)
    assert remaining_seconds(foretold_s, {}, [1, 2]) == 30
    assert remaining_seconds(foretold_s, {}, [4]) is None
    assert remaining_seconds(foretold_s, {}, []) == 0


def test_a_run_corrects_the_prediction_of_its_model(description):
    """The virtual engine's step is kept against what made-up kernels foretell, and the next prediction is that step."""
    (order,) = orders(plan_of({"concurrency": 1, "prompt_tokens": 64, "output_tokens": 32}))
    threads = order.context.threads
    kernels = [KernelSpeed(*shape, 1, 1, 2e-3, 0.0, 10**8, 10**8, layers) for shape, layers in SHAPES]
    kernel_speeds._store(kernel_speeds._key(VERSION, threads, 0), kernels)
    plain = machine_prediction.predict_speed(description, kept_memory_speed(), threads=threads)
    run, data, elapsed_s = run_of(order)
    learn(run, data, description, VERSION, elapsed_s)
    (step,) = measured(run, data, description, VERSION).decode
    (kept,) = prediction_residuals.known()
    told = machine_prediction.predict_speed(description, kept_memory_speed(), threads=threads)
    assert (kept.tokens, kept.ratios) == (1, (pytest.approx(step.seconds / plain.seconds),))
    assert told.seconds == pytest.approx(step.seconds)


def test_a_run_without_a_calibration_leaves_no_residual(description):
    (order,) = orders(plan_of({"concurrency": 1, "prompt_tokens": 64, "output_tokens": 32}))
    run, data, elapsed_s = run_of(order)
    learn(run, data, description, VERSION, elapsed_s)
    assert prediction_residuals.known() == ()
