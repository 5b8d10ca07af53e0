from profiler.analysis.comparison.machine import machine_differences, plan_differences
from tests.profiler.analysis.comparison.measured import session

MACHINE = {
    "cpu": {"name": "Some CPU", "physical_cores": 4, "instruction_sets": ["AVX2", "FMA"], "quota_cores": None},
    "memory": {"total_bytes": 16_000_000_000},
    "devices": [{"name": "CPU", "kind": "cpu", "backend": "CPU"}],
    "ceilings": {"bandwidth_gb_s": 24.9},
    "engine": {"llama_cpp_python": "0.3.36", "system_info": "AVX = 1 | FMA = 1 |"},
    "app_version": "0.1.0",
}


def told(other):
    return [(each.fact, each.a, each.b) for each in machine_differences(MACHINE, MACHINE | other)]


def test_a_machine_does_not_differ_from_itself():
    assert told({}) == []


def test_what_differs_is_told_in_words():
    assert told({"engine": {"llama_cpp_python": "0.3.40", "system_info": "AVX = 1 | FMA = 0 |"}, "app_version": "0.2.0"}) == [
        ("llama-cpp-python", "0.3.36", "0.3.40"),
        ("Engine's build", "FMA = 1", "FMA = 0"),
        ("Inferometer", "0.1.0", "0.2.0"),
    ]
    cpu = {"name": "Other", "physical_cores": 8, "instruction_sets": ["AVX2", "FMA", "AVX512F"], "quota_cores": 2.5}
    assert told({"cpu": cpu}) == [
        ("Processor", "Some CPU", "Other"),
        ("Physical cores", "4", "8"),
        ("Cores granted", "all", "2.5"),
        ("Instruction sets", "without these", "AVX512F"),
    ]


def test_measured_amounts_differ_only_beyond_their_noise():
    assert told({"memory": {"total_bytes": 16_010_000_000}, "ceilings": {"bandwidth_gb_s": 25.5}}) == []
    assert told({"ceilings": {"bandwidth_gb_s": 50.0}}) == [("Memory bandwidth", "24.9 GB/s", "50.0 GB/s")]
    assert told({"ceilings": {}}) == [("Memory bandwidth", "24.9 GB/s", "not known")]


def test_free_memory_of_a_device_is_no_difference():
    gpu = {"name": "GPU", "kind": "gpu", "backend": "CUDA", "vram_total_bytes": 8e9, "vram_free_bytes": 1e9, "driver": "580"}
    assert told({"devices": [gpu]}) == [("Devices", "none", "GPU on CUDA (8.00 GB, driver 580)")]
    assert not machine_differences({"devices": [gpu]}, {"devices": [gpu | {"vram_free_bytes": 5e9}]})


def test_a_strange_document_is_read_as_one_that_knows_nothing():
    assert machine_differences({"cpu": 3, "devices": "x", "memory": None}, {}) == ()


def test_plans_differ_in_what_is_no_axis():
    a = session(plan={"load": {"concurrency": [1, 2], "requests": 8}, "trust": {"seed": 1, "repetitions": 6}})
    b = session(plan={"load": {"concurrency": [1], "duration": 20.0}, "trust": {"seed": 2, "repetitions": 3}})
    assert [(each.fact, each.a, each.b) for each in plan_differences(a, b)] == [
        ("load.duration", "not set", "20.0"),
        ("load.requests", "8", "not set"),
        ("trust.seed", "1", "2"),
    ]
