"""The memory guard on readings made up for it."""

import pytest

from profiler.modelfile.description import describe
from profiler.records.fingerprint import Device
from profiler.records.specification import ContextSettings, LoadSettings, ModelSettings, RequestClass, RunSpecification
from profiler.sweep.memory_guard import MemoryGuard, MemoryReading, needed_bytes

GB = 1_000_000_000


class Machine:
    """Memory as a test sets it, a quarter of a second further at each look."""

    def __init__(self, **values):
        self.values = {"available_bytes": 8 * GB, "total_bytes": 16 * GB, "swap_used_bytes": 0, "stalled_ms": 0.0} | values
        self.now_ns = 0
        self.guard = MemoryGuard(lambda: MemoryReading(**self.values), lambda: self.now_ns)

    def look(self, **changes):
        self.now_ns += 250_000_000
        self.values |= changes
        return self.guard.look()


def test_what_fits_begins_and_what_does_not_is_refused_with_its_figures():
    guard = Machine().guard
    assert guard.refusal(7 * GB) == ""
    sentence = guard.refusal(8 * GB)
    assert "needs about 8.00 GB" in sentence
    assert "8.00 GB of 16.0 GB can be had" in sentence
    assert "Choose a smaller model" in sentence
    assert guard.refusal(8 * GB, held_bytes=GB) == "", "what the engine holds already is given back"
    assert guard.refusal(None) == "", "an unknown need is no reason"


def test_scarce_memory_is_believed_when_it_is_read_twice():
    machine = Machine()
    machine.guard.begin()
    low = 300_000_000  # 2 % of 16 GB are 320 MB
    assert machine.look(available_bytes=low) == ""
    assert machine.look(available_bytes=GB) == ""
    assert machine.look(available_bytes=low) == ""
    sentence = machine.look()
    assert "300 MB of 16.0 GB of main memory were left" in sentence
    assert sentence.startswith("Stopped before the machine swaps")


def test_a_small_machine_s_floor_is_small():
    machine = Machine(total_bytes=GB, available_bytes=25_000_000)
    machine.guard.begin()
    assert [machine.look(), machine.look()] == ["", ""]
    assert [bool(machine.look(available_bytes=15_000_000)), bool(machine.look())] == [False, True]


def test_growing_swap_stops_a_run_but_swap_of_before_does_not():
    machine = Machine(swap_used_bytes=5 * GB)
    machine.guard.begin()
    assert machine.look(swap_used_bytes=5 * GB + 790_000_000) == ""  # 5 % of 16 GB are 800 MB
    assert "swap has grown by 810 MB" in machine.look(swap_used_bytes=5 * GB + 810_000_000)
    machine.guard.begin()
    assert machine.look() == "", "the next run begins anew"


def test_programs_that_wait_for_memory_stop_a_run_after_three_seconds():
    machine = Machine()
    machine.guard.begin()
    told = [machine.look(stalled_ms=200.0 * number) for number in range(20)]  # 200 ms of every 250
    assert told.index(next(filter(None, told))) == 12, "3 s lie between the first reading and the thirteenth"
    assert "in 80 % of 3.0 s" in told[12]
    calm = Machine()
    calm.guard.begin()
    assert not any(calm.look(stalled_ms=100.0 * number) for number in range(20))
    blind = Machine(stalled_ms=None)
    blind.guard.begin()
    assert not any(blind.look() for _ in range(20))


def test_it_reads_four_times_a_second_at_the_most():
    readings = []
    guard = MemoryGuard(lambda: readings.append(1) or MemoryReading(GB, GB, 0, None), lambda: 0)
    assert guard.look() == "", "no run has begun"
    guard.begin()
    for _ in range(50):
        guard.look()
    assert len(readings) == 1


def order(path, ctx_size=1024, **model):
    context = ContextSettings(2, ctx_size, 512, 512, 1, 1, "auto", "f16", "f16", True)
    return RunSpecification(ModelSettings(str(path), -1, True, **model), context, LoadSettings((RequestClass(users=2),)))


@pytest.fixture(scope="module")
def sample(sample_model):
    return describe(sample_model)


def test_the_need_is_weights_cache_and_buffers(sample, sample_model):
    small, large = (needed_bytes(sample, order(sample_model, size), (), ()) for size in (1024, 4096))
    kv_bytes = 30 * 3 * 64 * 2 * 2  # 30 layers, 3 KV heads of 64, keys and values, f16
    assert large - small == pytest.approx(2 * 3072 * kv_bytes, rel=0.1)
    assert small > sample.tensor_bytes
    repacked = needed_bytes(sample, order(sample_model), (), ("AVX2", "FMA"))
    assert repacked >= small, "the processor's copies count, too"


def test_what_lies_on_a_gpu_is_not_needed_in_main_memory(sample, sample_model):
    gpu = Device("Card", "gpu", "CUDA", 8 * GB, 8 * GB, None)
    assert needed_bytes(sample, order(sample_model), (gpu,), ()) < sample.tensor_bytes / 2


def test_a_cache_type_that_is_none_is_llama_cpp_s_to_refuse(sample, sample_model):
    wrong = order(sample_model)
    object.__setattr__(wrong.context, "cache_type_k", "q9_9")
    assert needed_bytes(sample, wrong, (), ()) is None
