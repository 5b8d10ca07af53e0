"""Cards of AMD and Intel from recorded trees, and their joining with what llama.cpp lists."""

from profiler.hardware import graphics_cards
from profiler.records.fingerprint import Device

PROCESSOR = Device("AMD Ryzen 9 with Radeon Graphics", "cpu", "CPU", None, None, None)


def test_two_cards_of_amd(laid_out):
    root = laid_out("amd_two_cards")
    device = root / "sys/class/drm/card1/device"
    (device / "product_name").write_text("AMD Radeon PRO W7800\n", encoding="ascii")
    (device / "vbios_version").write_text("113-D7070100-135\n", encoding="ascii")
    first, second = graphics_cards.devices(root)
    assert (first.name, first.kind, first.backend) == ("AMD Radeon PRO W7800", "gpu", "amdgpu")
    assert (first.vram_total_bytes, first.firmware) == (25_753_026_560, "113-D7070100-135")
    assert second.name.startswith("AMD GPU 1002:")
    assert (second.vram_total_bytes, second.vram_free_bytes, second.firmware) == (8_589_934_592, None, None)
    assert first.driver.startswith("amdgpu, of Linux ")


def test_graphics_within_a_processor_have_no_memory_of_their_own(laid_out):
    (card,) = graphics_cards.devices(laid_out("amd_apu"))
    assert (card.kind, card.vram_total_bytes) == ("igpu", None)


def test_intels_graphics_within_a_processor(laid_out):
    (card,) = graphics_cards.devices(laid_out("intel_i915_inside"))
    assert (card.name, card.kind) == ("Intel GPU 8086:9A49", "igpu")


def test_an_arc_card(laid_out):
    root = laid_out("intel_xe_card")
    device = root / "sys/class/drm/card1/device"
    (device / "tile0/physical_vram_size_bytes").write_text("0x2fa000000\n", encoding="ascii")
    module = root / "sys/module/xe"
    module.mkdir(parents=True)
    (module / "version").write_text("1.2.3\n", encoding="ascii")
    card = graphics_cards.devices(root)[-1]
    assert (card.kind, card.vram_total_bytes, card.driver) == ("gpu", 0x2FA000000, "xe 1.2.3")


def test_where_an_intel_card_sits_decides(laid_out):
    root = laid_out("intel_xe_card")
    uevent = root / "sys/class/drm/card1/device/uevent"
    uevent.write_text(uevent.read_text(encoding="ascii") + "PCI_SLOT_NAME=0000:00:02.0\n", encoding="ascii")
    assert graphics_cards.devices(root)[-1].kind == "igpu"


AMD = Device("AMD GPU 1002:744C", "gpu", "amdgpu", 24, None, "amdgpu 6.7", "113-1")
INTEL = Device("Intel GPU 8086:E20B", "gpu", "xe", 12, None, "xe 1", None)


def test_a_card_that_llama_cpp_does_not_know_is_added():
    assert graphics_cards.with_cards([PROCESSOR], [AMD]) == (PROCESSOR, AMD)


def test_a_card_that_both_list_stands_once():
    vulkan = Device("AMD Radeon RX 7900 XTX (RADV NAVI31)", "gpu", "Vulkan", 24, 23, None)
    joined = graphics_cards.with_cards([vulkan], [AMD, INTEL])
    assert joined == (Device(vulkan.name, "gpu", "Vulkan", 24, 23, "amdgpu 6.7", "113-1"), INTEL)


def test_of_two_cards_the_firmware_is_nobodys():
    rocm = Device("gfx1100", "gpu", "ROCm", 24, 23, None)
    (joined,) = graphics_cards.with_cards([rocm], [AMD, AMD])
    assert (joined.driver, joined.firmware) == ("amdgpu 6.7", None)


def test_other_makers_are_left_alone():
    nvidia = Device("NVIDIA T4", "gpu", "NVML", 16, 15, "570.86")
    assert graphics_cards.with_cards([nvidia], []) == (nvidia,)
    assert graphics_cards.with_cards([nvidia], [INTEL]) == (nvidia, INTEL)
