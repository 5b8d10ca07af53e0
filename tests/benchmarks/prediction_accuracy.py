"""How near predictions of single-stream decode come, on the sample and quantizations of it.

`python tests/benchmarks/prediction_accuracy.py [--prompt N] [TYPE …]`

Prints how long a calibration of a representative type of each group takes; then for each model the measured median of a decode
step, and predicted ÷ measured seconds: with all its types calibrated, with its heaviest left out, with all of its own left out
that a representative calibration does not hold, and with all of its own left out whatever; and the interval that ceilings alone
give. The machine's own calibration stays as it is.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from engine_runs import measure, order

from profiler.child.engine_child import EngineChild
from profiler.hardware import ceilings, cpu
from profiler.hardware.memory_speed import kept_memory_speed
from profiler.modelfile.description import ModelDescription, describe
from profiler.models import kernel_speeds, quantization
from profiler.models.machine_prediction import types_to_measure, uncorrected
from profiler.models.quantization_sizes import library_types
from profiler.models.sample import sample_model_path
from profiler.models.speed_prediction import StepPrediction, matmul_bytes
from profiler.records.kernel_speed import KernelSpeed
from profiler.records.memory_speed import MemorySpeed

OUTPUT = 48


def main() -> None:
    """Calibrate, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("types", nargs="*", default=["Q8_0", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K"])
    parser.add_argument("--prompt", type=int, default=16, help="tokens that are held before the first is decoded")
    options = parser.parse_args()
    types, prompt = options.types, options.prompt
    threads, source = cpu.default_threads(), sample_model_path()
    with EngineChild() as child:
        version = library_types(child).library_version
        made = [quantization.make(source, name, library_version=version, threads=threads, child=child).path for name in types]
        models = [describe(path) for path in (source, *made)]
        measured = kept_memory_speed(ceilings.measured())
        before = [step_seconds(child, model.path, threads, prompt) for model in models]
        speeds = calibrated(child, models, version, threads)
        after = [step_seconds(child, model.path, threads, prompt) for model in models]
    print("model      measured  all types  heaviest out  unrepresented out  all own out  within 20 %  ceilings alone")
    for model, times in zip(models, zip(before, after, strict=True), strict=True):
        show(model, statistics.fmean(times), speeds, measured, prompt)


def calibrated(child: EngineChild, models: Sequence[ModelDescription], version: str, threads: int) -> tuple[KernelSpeed, ...]:
    """Kernels of the representative types, then of all others in the models; kept in a folder that is gone afterwards."""
    own = os.environ.get("INFEROMETER_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["INFEROMETER_HOME"] = folder
        try:
            start_s = time.perf_counter()
            kernel_speeds.measure(kernel_speeds.REPRESENTATIVE_TYPES, version, threads, child=child)
            print(f"calibration of {len(kernel_speeds.REPRESENTATIVE_TYPES)} types: {time.perf_counter() - start_s:.1f} s")
            others = {name for model in models for name in types_to_measure(model)}
            return kernel_speeds.measure(sorted(others), version, threads, child=child)
        finally:
            del os.environ["INFEROMETER_HOME"]
            if own is not None:
                os.environ["INFEROMETER_HOME"] = own


def step_seconds(child: EngineChild, path: Path, threads: int, prompt: int) -> float:
    """The median of steps that decode one token."""
    load = order(1, prompt, OUTPUT, per_user=1, threads=threads)
    steps = measure(child, replace(load, model=replace(load.model, path=str(path)))).steps
    decodes = steps[(steps["prefill_tokens"] == 0) & (steps["decode_tokens"] == 1)]
    return float(np.median(decodes["end_ns"] - decodes["start_ns"])) / 1e9


def show(model: ModelDescription, measured_s: float, speeds: tuple[KernelSpeed, ...], memory: MemorySpeed, prompt: int) -> None:
    """A model's line."""
    own = {name.lower(): count for name, count in (matmul_bytes(model, 1) or {}).items()}
    represented = {name.lower() for name in kernel_speeds.REPRESENTATIVE_TYPES}
    heaviest = max(own, key=lambda name: own[name])

    def predicted(without: set[str]) -> StepPrediction | None:
        known = tuple(speed for speed in speeds if speed.shape in ("thin", "heads") or speed.type.lower() not in without)
        return uncorrected(model, known, memory, tokens=1, context_tokens=prompt + OUTPUT / 2)

    ratios = []
    for without in (set[str](), {heaviest}, own.keys() - represented, own.keys()):
        found = predicted(set(without))
        ratios.append(found.seconds / measured_s if found is not None and found.seconds is not None else float("nan"))
    bounds = uncorrected(model, (), memory, tokens=1, context_tokens=prompt + OUTPUT / 2)
    assert bounds is not None
    is_within = [abs(1 / ratio - 1) <= 0.2 for ratio in ratios]
    holds = bounds.low_seconds <= measured_s <= bounds.high_seconds
    print(
        f"{model.quantization:9} {measured_s * 1e3:6.2f} ms {ratios[0]:10.2f} {ratios[1]:7.2f} {heaviest:5} "
        f"{ratios[2]:18.2f} {ratios[3]:12.2f}  {' '.join('✓' if each else '✕' for each in is_within):11}  "
        f"{bounds.low_seconds * 1e3:.1f} to {bounds.high_seconds * 1e3:.1f} ms {'✓' if holds else '✕'}"
    )


if __name__ == "__main__":
    main()
