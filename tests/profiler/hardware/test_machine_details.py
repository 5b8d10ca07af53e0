"""What the fingerprint tells of clock, memory, caches and virtual machines, from files as Linux shows them."""

import pytest

from profiler.hardware import memory_modules, power_settings, processor_details, virtualisation
from profiler.records.fingerprint import MemoryModules, PowerSettings


def laid(root, files):
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n", encoding="ascii")
    return root


CPUS = "sys/devices/system/cpu"


def test_power_settings_of_a_laptop(tmp_path):
    root = laid(
        tmp_path,
        {
            **{f"{CPUS}/cpu{number}/cpufreq/scaling_governor": "powersave" for number in (0, 1, 10)},
            f"{CPUS}/cpu0/cpufreq/scaling_driver": "intel_pstate",
            f"{CPUS}/cpu0/cpufreq/energy_performance_preference": "balance_performance",
            f"{CPUS}/intel_pstate/no_turbo": "1",
            "sys/firmware/acpi/platform_profile": "balanced",
        },
    )
    assert power_settings.linux(root) == PowerSettings("powersave", "intel_pstate", "balance_performance", False, "balanced")


def test_cores_of_different_governors_and_amds_boost(tmp_path):
    root = laid(
        tmp_path,
        {
            f"{CPUS}/cpu0/cpufreq/scaling_governor": "schedutil",
            f"{CPUS}/cpu1/cpufreq/scaling_governor": "performance",
            f"{CPUS}/cpufreq/boost": "1",
        },
    )
    assert power_settings.linux(root) == PowerSettings(governor="performance, schedutil", may_boost=True)


def test_without_files_nothing_is_told(tmp_path):
    assert power_settings.linux(tmp_path) == PowerSettings()
    assert memory_modules.read(tmp_path) is None
    assert processor_details.caches_bytes(tmp_path) == {}
    assert processor_details.microcode(tmp_path) is None
    assert virtualisation.linux(tmp_path) is None


def test_plans_of_other_systems():
    told = "Power Scheme GUID: 381b4222-f694-41f0-9685-ff5bb260df2e  (Balanced)\n"
    assert power_settings.windows_plan(told) == "Balanced"
    assert power_settings.windows_plan("") is None
    assert power_settings.mac_plan("System-wide power settings:\nCurrently in use:\n lowpowermode         1\n") == "low power"
    assert power_settings.mac_plan("Currently in use:\n powernap             1\n") is None


def udev(*devices):
    lines = ["I:4321", "E:MEMORY_ARRAY_NUM_DEVICES=4"]
    for number, device in enumerate(devices):
        lines += [f"E:MEMORY_DEVICE_{number}_{name}={value}" for name, value in device.items()]
    return {"run/udev/data/+dmi:id": "\n".join(lines)}


def module(**facts):
    return {"SIZE": 2**34, "TYPE": "DDR5", "SPEED_MTS": 5600, "SERIAL_NUMBER": "31415926", "PART_NUMBER": "X-1", **facts}


def test_modules_of_a_desktop(tmp_path):
    devices = [
        module(LOCATOR="DIMM 0", BANK_LOCATOR="P0 CHANNEL A", CONFIGURED_SPEED_MTS=4800),
        {"PRESENT": 0, "LOCATOR": "DIMM 1", "BANK_LOCATOR": "P0 CHANNEL A"},
        module(LOCATOR="DIMM 0", BANK_LOCATOR="P0 CHANNEL B", CONFIGURED_SPEED_MTS=4800),
        module(LOCATOR="DIMM 1", BANK_LOCATOR="P0 CHANNEL B", CONFIGURED_SPEED_MTS=4400),
    ]
    found = memory_modules.read(laid(tmp_path, udev(*devices)))
    assert found == MemoryModules(count=3, kind="DDR5", speed_mt_s=4400, channels=2)


def test_controllers_have_channels_of_their_own(tmp_path):
    names = ("Controller0-ChannelA-DIMM0", "Controller1-ChannelA-DIMM0")
    found = memory_modules.read(laid(tmp_path, udev(*(module(LOCATOR=name, BANK_LOCATOR="BANK 0") for name in names))))
    assert found == MemoryModules(count=2, kind="DDR5", speed_mt_s=5600, channels=2)


def test_modules_that_tell_little(tmp_path):
    devices = [module(LOCATOR="DIMM_A1"), module(LOCATOR="Channel B", TYPE="Unknown", SPEED_MTS="Unknown")]
    assert memory_modules.read(laid(tmp_path, udev(*devices))) == MemoryModules(2, "DDR5", None, None)


def test_caches_count_every_instance_once(tmp_path):
    files = {}
    for core in range(4):
        cache = f"{CPUS}/cpu{core}/cache"
        for index, (level, kind, size, shared) in enumerate(
            [(1, "Data", 32, core), (1, "Instruction", 64, core), (2, "Unified", 1024, core // 2), (3, "Unified", 8192, "0-3")]
        ):
            files |= {
                f"{cache}/index{index}/level": str(level),
                f"{cache}/index{index}/type": kind,
                f"{cache}/index{index}/size": f"{size}K",
                f"{cache}/index{index}/shared_cpu_list": str(shared),
            }
    found = processor_details.caches_bytes(laid(tmp_path, files))
    assert found == {"L1d": 4 * 32768, "L1i": 4 * 65536, "L2": 2 * 2**20, "L3": 2**23}


def test_the_microcode_is_the_first_processors(tmp_path):
    root = laid(tmp_path, {"proc/cpuinfo": "processor\t: 0\nmicrocode\t: 0xf4\n\nprocessor\t: 1\nmicrocode\t: 0xf5"})
    assert processor_details.microcode(root) == "0xf4"


GUEST, REAL, ARM = "flags\t\t: fpu hypervisor", "flags\t\t: fpu vme", "Features\t: asimd"


@pytest.mark.parametrize(
    ("cpu", "vendor", "product", "told"),
    [
        (REAL, "Dell Inc.", "XPS 15", None),
        (GUEST, "QEMU", "Standard PC", "virtual machine (QEMU)"),
        (GUEST, "Microsoft Corporation", "Virtual Machine", "virtual machine (Hyper-V)"),
        (REAL, "Microsoft Corporation", "Surface Laptop 5", None),
        (GUEST, "Amazon EC2", "c7i.large", "virtual machine (Amazon EC2)"),
        (REAL, "Amazon EC2", "c7i.metal-24xl", None),
        (GUEST, "Somebody", "", "virtual machine"),
        (ARM, "QEMU", "KVM Virtual Machine", "virtual machine (QEMU)"),
        (ARM, "Amazon EC2", "c7g.metal", None),
    ],
)
def test_virtual_machines(tmp_path, cpu, vendor, product, told):
    files = {"proc/cpuinfo": cpu, "sys/class/dmi/id/sys_vendor": vendor, "sys/class/dmi/id/product_name": product}
    assert virtualisation.linux(laid(tmp_path, files)) == told


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({".dockerenv": ""}, "container (Docker)"),
        ({"run/.containerenv": ""}, "container (Podman)"),
        ({"run/systemd/container": "systemd-nspawn"}, "container (systemd-nspawn)"),
        ({"proc/1/cgroup": "0::/kubepods/burstable/pod1"}, "container (Kubernetes)"),
        ({"proc/1/cgroup": "0::/init.scope"}, None),
        ({"proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2"}, "virtual machine (WSL)"),
        ({"sys/hypervisor/type": "xen", ".dockerenv": ""}, "virtual machine (Xen), container (Docker)"),
    ],
)
def test_containers_and_other_marks(tmp_path, files, told):
    assert virtualisation.linux(laid(tmp_path, files)) == told
