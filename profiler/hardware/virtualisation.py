"""Whether the machine is a real one: a virtual machine's processor is shared, its clock and sensors are often hidden."""

import platform
import subprocess
from pathlib import Path

from profiler.hardware.sources.gauges import text

_MAKERS = {
    "qemu": "QEMU",
    "vmware": "VMware",
    "innotek": "VirtualBox",
    "virtualbox": "VirtualBox",
    "microsoft": "Hyper-V",
    "xen": "Xen",
    "amazon": "Amazon EC2",
    "google": "Google Compute Engine",
    "parallels": "Parallels",
    "openstack": "OpenStack",
    "apple": "Apple's virtualisation",
}
_MAKERS_OF_NONE_BUT_VIRTUAL = ("QEMU", "VMware", "VirtualBox", "Parallels", "OpenStack", "Apple's virtualisation")
_CONTAINERS = {"kubepods": "Kubernetes", "docker": "Docker", "lxc": "LXC", "libpod": "Podman"}


def read() -> str | None:
    """In words, "virtual machine (QEMU), container (Docker)"; None when nothing was noticed, or the system cannot be asked."""
    match platform.system():
        case "Linux":
            return linux(Path("/"))
        case "Darwin":
            return "virtual machine" if _mac_is_guest() else None
        case _:
            return None


def linux(root: Path) -> str | None:
    """From the processor's flags, the board's name and the marks that containers leave."""
    found = [kind for kind in (_virtual_machine(root), _container(root)) if kind]
    return ", ".join(found) or None


def _virtual_machine(root: Path) -> str:
    if "microsoft" in text(root / "proc/sys/kernel/osrelease").lower():
        return "virtual machine (WSL)"
    board = f"{text(root / 'sys/class/dmi/id/sys_vendor')} {text(root / 'sys/class/dmi/id/product_name')}".lower()
    maker = next((told for word, told in _MAKERS.items() if word in board), "")
    cpu = text(root / "proc/cpuinfo").partition("\n\n")[0]
    flags = next((line.split() for line in cpu.splitlines() if line.startswith("flags")), None)
    if text(root / "sys/hypervisor/type") == "xen":
        return f"virtual machine ({maker or 'Xen'})"
    # Some of those makers sell real machines, too; ARM has no flag that tells.
    is_virtual = maker in _MAKERS_OF_NONE_BUT_VIRTUAL if flags is None else "hypervisor" in flags
    if not is_virtual:
        return ""
    return f"virtual machine ({maker})" if maker else "virtual machine"


def _container(root: Path) -> str:
    named = text(root / "run/systemd/container")
    if named and named != "wsl":
        return f"container ({named})"
    if (root / ".dockerenv").exists():
        return "container (Docker)"
    if (root / "run/.containerenv").exists():
        return "container (Podman)"
    groups = text(root / "proc/1/cgroup")
    kind = next((told for word, told in _CONTAINERS.items() if word in groups), "")
    return f"container ({kind})" if kind else ""


def _mac_is_guest() -> bool:
    try:
        told = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.hv_vmm_present"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return told.strip() == "1"
