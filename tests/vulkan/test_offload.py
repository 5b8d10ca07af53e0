"""A real offload: the sample on Mesa's software device through llama.cpp's Vulkan backend, by no layer, by ten and by all."""

import dataclasses
import json

import pytest

from profiler.analysis.spill import device_memory_bytes
from profiler.analysis.validity import LEFT_ON_CPU
from profiler.cli.main import main
from profiler.modelfile.description import describe
from profiler.modelfile.offload import CPU, CacheSettings, by_device
from profiler.records.fingerprint import Device
from profiler.records.run_record import CellStatus
from profiler.session.reader import SessionReader
from tests.reference.llama_tools import BUILD_S, Unavailable
from tests.vulkan import vulkan_llama

pytestmark = [pytest.mark.vulkan, pytest.mark.timeout(2 * BUILD_S)]

LAYERS = (0, 10, 99)
GPU = "Vulkan0"
ROUNDING = 0.0051 * 2**20  # the log rounds each buffer to a hundredth of a MiB
ALIGNMENT = 32  # of each tensor in a buffer


@pytest.fixture(scope="module", autouse=True)
def vulkan():
    """Engines started meanwhile are of the Vulkan build."""
    try:
        environment = vulkan_llama.environment()
    except Unavailable as reason:
        pytest.skip(str(reason))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def session(vulkan, tmp_path_factory):
    path = tmp_path_factory.mktemp("session") / "offload.inferometer"
    load = ["--concurrency", "1", "--prompt-tokens", "8", "--output-tokens", "4", "--requests-per-user", "2"]
    engine = ["--n-gpu-layers", ",".join(map(str, LAYERS)), "--mmap", "off", "--repack", "off"]
    assert main(["run", "sample", *engine, *load, "--repetitions", "1", "--output", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def runs(session):
    """The one run of each cell by its layers on the GPU."""
    with SessionReader.open(session) as reader:
        return {run.specification.model.n_gpu_layers: run for run in reader.runs()}


@pytest.fixture(scope="module")
def predicted(runs, sample_model):
    told = describe(sample_model)
    return {layers: by_device(told, layers, CacheSettings.of(run.specification.context)) for layers, run in runs.items()}


def logged(run, kind):
    """Bytes in main memory and on the GPU of the buffers of a kind ("model")."""
    sizes = {name: size for name, size in run.facts.buffers.items() if name.endswith(f" {kind} buffer size")}
    on_gpu = sum(size for name, size in sizes.items() if name.split()[0] == GPU)
    return sum(sizes.values()) - on_gpu, on_gpu


def test_the_device_is_listed(capsys):
    assert main(["machine", "--json"]) == 0
    machine = json.loads(capsys.readouterr().out)
    assert set(machine["engine"]["backends"]) == {"CPU", "Vulkan"}
    (gpu,) = (Device(**device) for device in machine["devices"] if device["kind"] == "gpu")
    assert gpu.backend == "Vulkan"
    assert "llvmpipe" in gpu.name
    assert gpu.vram_total_bytes >= gpu.vram_free_bytes > 0
    assert device_memory_bytes([gpu]) == {GPU: gpu.vram_total_bytes}


def test_every_cell_is_done_and_its_tokens_came(session, runs):
    with SessionReader.open(session) as reader:
        cells = reader.cells()
        assert [(cell.configuration["n_gpu_layers"], cell.status) for cell in cells] == [(n, CellStatus.DONE) for n in LAYERS]
        assert {len(reader.run_data(run.run_id).tokens) for run in runs.values()} == {8}


@pytest.mark.parametrize("layers", LAYERS)
def test_bytes_lie_where_they_were_predicted(runs, predicted, layers, sample_model):
    run, (cpu, gpu) = runs[layers], predicted[layers]
    near = ROUNDING + ALIGNMENT * len(describe(sample_model).tensors)
    assert logged(run, "model") == pytest.approx((cpu.weights_bytes, gpu.weights_bytes), abs=near)
    assert logged(run, "KV") == pytest.approx((cpu.kv_bytes, gpu.kv_bytes), abs=ROUNDING)
    main_memory, on_gpu = logged(run, "compute")
    assert on_gpu == pytest.approx(gpu.compute_bytes, rel=0.05)
    assert main_memory + logged(run, "output")[CPU] == pytest.approx(cpu.compute_bytes, rel=0.05)
    whole = sum(logged(run, kind)[1] for kind in ("model", "KV", "compute"))
    assert gpu.total_bytes == pytest.approx(whole, rel=0.05)


def test_ten_layers_are_nine_and_the_output(runs, predicted):
    cpu, gpu = predicted[10]
    assert (len(gpu.layers), gpu.has_output, len(cpu.layers)) == (9, True, 21)
    weights = {layers: logged(run, "model") for layers, run in runs.items()}
    assert weights[0][1] == 0
    assert 0 < weights[10][1] < weights[99][1]
    assert weights[0][0] > weights[10][0] > weights[99][0] > 0, "the table of embeddings stays in main memory"


def test_weights_left_behind_are_flagged_only_where_they_are(runs):
    flags = {layers: {flag.split(":")[0] for flag in run.flags} for layers, run in runs.items()}
    assert LEFT_ON_CPU in flags[10]
    assert LEFT_ON_CPU not in flags[99]


def test_a_device_without_a_driver_that_tells_has_no_memory_readings(session, runs):
    """llama.cpp lists it; that no telemetry reads it is a gap, never a zero."""
    with SessionReader.open(session) as reader:
        channels = {name for run in runs.values() for part in reader.sample_chunks(run.run_id) for name in part.channels}
    assert "process_rss_bytes" in channels
    assert not any("vram" in name for name in channels)


def test_without_op_offload_a_gpu_without_layers_is_left_alone(sample_model, runs):
    context = dataclasses.replace(runs[0].specification.context, op_offload=False)
    assert by_device(describe(sample_model), 0, CacheSettings.of(context))[1].total_bytes == 0
