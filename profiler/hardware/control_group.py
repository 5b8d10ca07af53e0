"""Limits that Linux's control groups put on this process (a container, a service): less memory or fewer cores than are there.

Reads both layouts: one tree for all controllers (version 2) and a tree for each (version 1).
"""

from pathlib import Path

_GROUPS = Path("sys/fs/cgroup")


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """The lowest memory limit from this process's group up to the root, None when there is none or nothing is readable."""
    limits = [
        int(text)
        for folder in _folders(root, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := _text(folder / name)).isdigit()
    ]
    return min(limits, default=None)


def quota_cores(root: Path = Path("/")) -> float | None:
    """The lowest CPU quota in cores (2.5: two and a half), None when there is none or nothing is readable."""
    quotas = []
    for folder in _folders(root, "cpu"):
        fields = _text(folder / "cpu.max").split() or [
            _text(folder / "cpu.cfs_quota_us"),
            _text(folder / "cpu.cfs_period_us"),
        ]
        if all(field.isdigit() and int(field) > 0 for field in fields):  # "max" and -1 say that there is no quota
            quotas.append(int(fields[0]) / int(fields[1]))
    return min(quotas, default=None)


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
