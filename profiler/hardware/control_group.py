"""Limits that Linux's control groups put on this process (a container, a service): less memory or fewer cores than are there.

Reads both layouts: one tree for all controllers (version 2) and a tree for each (version 1).
"""

from pathlib import Path

_GROUPS = Path("sys/fs/cgroup")
_NO_LIMIT_BYTES = 2**60


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """The lowest memory limit from this process's group up to the root, None when there is none or nothing is readable.

    Beyond `memory.high` the kernel holds the group back until it gives memory up: for an engine that is the limit.
    """
    return min((limit for limit, _ in _memory_limits(root)), default=None)


def memory_limited_folder(root: Path = Path("/")) -> Path | None:
    """The group that has the lowest memory limit; None without one (version 1 then writes a huge number)."""
    limits = [(limit, folder) for limit, folder in _memory_limits(root) if limit < _NO_LIMIT_BYTES]
    return min(limits, key=lambda pair: pair[0])[1] if limits else None


def memory_left_bytes(root: Path = Path("/")) -> int | None:
    """What this process's group and those above it still grant; None without a limit, or where its use cannot be read.

    The kernel counts what it keeps of files as used. It gives that up before it kills anybody: it counts as left.
    """
    lefts = [
        max(0, limit - used)
        for limit, folder in _memory_limits(root)
        if limit < _NO_LIMIT_BYTES and (used := _lasting_bytes(folder)) is not None
    ]
    return min(lefts, default=None)


def quota_cores(root: Path = Path("/")) -> float | None:
    """The lowest CPU quota in cores (2.5: two and a half), None when there is none or nothing is readable."""
    return min((cores for cores, _ in _quotas(root)), default=None)


def quota_folder(root: Path = Path("/")) -> Path | None:
    """The group that has the lowest CPU quota; None without one."""
    quotas = _quotas(root)
    return min(quotas, key=lambda pair: pair[0])[1] if quotas else None


def _memory_limits(root: Path) -> list[tuple[int, Path]]:
    return [
        (int(text), folder)
        for folder in _folders(root, "memory")
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes")
        if (text := _text(folder / name)).isdigit()
    ]


def _lasting_bytes(folder: Path) -> int | None:
    """What a group uses that cannot just be dropped."""
    used = next((text for name in ("memory.current", "memory.usage_in_bytes") if (text := _text(folder / name)).isdigit()), None)
    if used is None:
        return None
    counts = dict(line.split() for line in _text(folder / "memory.stat").splitlines() if len(line.split()) == 2)
    prefix = "total_" if "total_inactive_file" in counts else ""  # version 1 tells its own and those of all below
    return max(0, int(used) - sum(int(counts.get(f"{prefix}{name}", 0)) for name in ("inactive_file", "active_file")))


def _quotas(root: Path) -> list[tuple[float, Path]]:
    quotas = []
    for folder in _folders(root, "cpu"):
        fields = _text(folder / "cpu.max").split() or [
            _text(folder / "cpu.cfs_quota_us"),
            _text(folder / "cpu.cfs_period_us"),
        ]
        if all(field.isdigit() and int(field) > 0 for field in fields):  # "max" and -1 say that there is no quota
            quotas.append((int(fields[0]) / int(fields[1]), folder))
    return quotas


def _folders(root: Path, controller: str) -> list[Path]:
    """This process's group of `controller` and the groups above it, as far as they exist under the mounted tree.

    Inside a container the path in /proc may be the host's while the mounted tree begins at the container: then its top counts.
    """
    folders = [root / _GROUPS, root / _GROUPS / controller]
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        top = root / _GROUPS / controller if controllers else root / _GROUPS
        group = Path(path.lstrip("/"))
        folders += [top / group, *(top / parent for parent in group.parents)]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
