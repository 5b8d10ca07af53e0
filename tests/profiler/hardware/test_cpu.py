import platform

import psutil
import pytest

from profiler.hardware import cpu, main_memory

XEON = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Processor
flags\t\t: fpu sse4_2 avx avx2 fma f16c avx512f avx512_vnni amx_tile hypervisor

processor\t: 1
model name\t: something else
flags\t\t: fpu
"""
ARM = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes asimddp
CPU implementer\t: 0x41
CPU part\t: 0xd0b
"""
INTEL_MAC = """machdep.cpu.brand_string: Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz
machdep.cpu.features: FPU VME SSE4.2 FMA AVX1.0 F16C
machdep.cpu.leaf7_features: RDWRFSGS BMI2 AVX2
hw.l2cachesize: 262144
hw.l3cachesize: 12582912
hw.optional.avx2_0: 1
"""
APPLE_MAC = """machdep.cpu.brand_string: Apple M2 Pro
hw.perflevel0.l2cachesize: 16777216
hw.l2cachesize: 4194304
hw.optional.AdvSIMD: 1
hw.optional.arm.FEAT_DotProd: 1
hw.optional.arm.FEAT_I8MM: 1
hw.optional.arm.FEAT_SME: 0
"""


def write(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_name_and_flags_of_a_pc(tmp_path):
    write(tmp_path, "proc/cpuinfo", XEON)
    assert cpu.linux_name(tmp_path) == "Intel(R) Xeon(R) Processor"
    assert {"avx2", "avx512_vnni", "amx_tile"} <= cpu.linux_flags(tmp_path)


def test_name_and_flags_of_an_arm_board(tmp_path):
    write(tmp_path, "proc/cpuinfo", ARM)
    assert cpu.linux_name(tmp_path) == "implementer 0x41, part 0xd0b"
    assert {"asimd", "asimddp"} <= cpu.linux_flags(tmp_path)
    write(tmp_path, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    assert cpu.linux_name(tmp_path) == "Raspberry Pi 4 Model B Rev 1.4"


def test_nothing_readable_is_nothing_told(tmp_path):
    assert cpu.linux_name(tmp_path) == ""
    assert cpu.linux_flags(tmp_path) == set()
    assert cpu.linux_last_level_cache_bytes(tmp_path) is None
    assert cpu.mac_facts("") == {}
    assert cpu.mac_last_level_cache_bytes({}) is None


def test_all_instances_of_the_outermost_cache_count_once(tmp_path):
    # Four cores; two third-level caches of 32 MiB, each shared by two cores.
    for core in range(4):
        shared = "0-1" if core < 2 else "2-3"
        for index, (level, size, by) in enumerate([(1, "32K", str(core)), (2, "512K", str(core)), (3, "32768K", shared)]):
            folder = f"sys/devices/system/cpu/cpu{core}/cache/index{index}"
            write(tmp_path, f"{folder}/level", f"{level}\n")
            write(tmp_path, f"{folder}/size", f"{size}\n")
            write(tmp_path, f"{folder}/shared_cpu_list", f"{by}\n")
    write(tmp_path, "sys/devices/system/cpu/cpu0/cache/index9/level", "4\n")  # without a size: not taken
    assert cpu.linux_last_level_cache_bytes(tmp_path) == 2 * 32 * 1024 * 1024


@pytest.mark.parametrize(
    ("text", "name", "cache_bytes", "flags"),
    [
        (INTEL_MAC, "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", 12_582_912, {"sse4_2", "fma", "avx", "f16c", "bmi2", "avx2"}),
        (APPLE_MAC, "Apple M2 Pro", 16_777_216, {"asimd", "asimddp", "i8mm"}),
    ],
    ids=["Intel", "Apple"],
)
def test_a_mac(text, name, cache_bytes, flags):
    facts = cpu.mac_facts(text)
    assert cpu.mac_name(facts) == name
    assert cpu.mac_last_level_cache_bytes(facts) == cache_bytes
    assert cpu.mac_flags(facts) & set(cpu._INSTRUCTION_SETS) == flags


def test_this_machine():
    found = cpu.read()
    assert found.name
    assert found.logical_cores == psutil.cpu_count()
    if platform.system() == "Linux" and platform.machine() == "x86_64":
        assert "SSE4_2" in found.instruction_sets
    assert found == cpu.read()


def test_a_control_groups_limit_counts_when_it_is_lower(monkeypatch):
    installed = psutil.virtual_memory().total
    monkeypatch.setattr(main_memory.control_group, "memory_limit_bytes", lambda: None)
    assert main_memory.total_bytes() == installed
    monkeypatch.setattr(main_memory.control_group, "memory_limit_bytes", lambda: 2**62)
    assert main_memory.total_bytes() == installed
    monkeypatch.setattr(main_memory.control_group, "memory_limit_bytes", lambda: 12345)
    assert main_memory.total_bytes() == main_memory.available_bytes() == 12345
    assert main_memory.swap_total_bytes() >= 0


@pytest.mark.parametrize(("quota", "threads"), [(None, 4), (2.5, 2), (0.5, 1), (64.0, 4)])
def test_the_default_threads_heed_a_quota(monkeypatch, quota, threads):
    monkeypatch.setattr(cpu.psutil, "cpu_count", lambda logical: 8 if logical else 4)
    monkeypatch.setattr(cpu.os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)
    monkeypatch.setattr(cpu.control_group, "quota_cores", lambda: quota)
    assert cpu.default_threads() == threads
