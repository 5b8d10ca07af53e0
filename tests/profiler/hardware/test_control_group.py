import pytest

from profiler.hardware import control_group


def tree(root, files):
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return root


VERSION_2 = {
    "proc/self/cgroup": "0::/app.slice/run.scope",
    "sys/fs/cgroup/memory.max": "max",
    "sys/fs/cgroup/app.slice/memory.max": "4000000000",
    "sys/fs/cgroup/app.slice/cpu.max": "150000 100000",
    "sys/fs/cgroup/app.slice/run.scope/memory.max": "8000000000",
    "sys/fs/cgroup/app.slice/run.scope/cpu.max": "max 100000",
}
VERSION_1 = {
    "proc/self/cgroup": "9:name=systemd:/x\n4:memory:/box/one\n2:cpu,cpuacct:/box/one\n0::/",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    "sys/fs/cgroup/memory/box/one/memory.limit_in_bytes": "3000000000",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    "sys/fs/cgroup/cpu/box/one/cpu.cfs_quota_us": "250000",
    "sys/fs/cgroup/cpu/box/one/cpu.cfs_period_us": "100000",
}
CONTAINER = {  # the path is the host's, the mounted tree is the container's own
    "proc/self/cgroup": "0::/docker/0123456789abcdef",
    "sys/fs/cgroup/memory.max": "2000000000",
    "sys/fs/cgroup/cpu.max": "50000 100000",
}
OLD_CONTAINER = {
    "proc/self/cgroup": "4:memory:/docker/0123\n2:cpu,cpuacct:/docker/0123",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000000000",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
}


@pytest.mark.parametrize(
    ("files", "limit_bytes", "cores"),
    [
        (VERSION_2, 4_000_000_000, 1.5),
        (VERSION_1, 3_000_000_000, 2.5),
        (CONTAINER, 2_000_000_000, 0.5),
        (OLD_CONTAINER, 1_000_000_000, 1.0),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/memory.max": "9000", "sys/fs/cgroup/memory.high": "7000"}, 7000, None),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/cpu.max": "max 100000"}, None, None),
        ({}, None, None),
    ],
    ids=["version 2", "version 1", "container", "old container", "held back below the limit", "no limits", "no control groups"],
)
def test_the_lowest_limit_on_the_way_up_counts(tmp_path, files, limit_bytes, cores):
    root = tree(tmp_path, files)
    assert control_group.memory_limit_bytes(root) == limit_bytes
    assert control_group.quota_cores(root) == cores


@pytest.mark.parametrize(
    ("files", "memory", "cpu"),
    [
        (VERSION_2, "app.slice", "app.slice"),
        (VERSION_1, "memory/box/one", "cpu/box/one"),
        (CONTAINER, ".", "."),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, None, None),
        ({}, None, None),
    ],
    ids=["version 2", "version 1", "container", "no limit in version 1", "no control groups"],
)
def test_the_group_that_limits(tmp_path, files, memory, cpu):
    root = tree(tmp_path, files)
    groups = root / "sys/fs/cgroup"
    assert control_group.memory_limited_folder(root) == (None if memory is None else groups / memory)
    assert control_group.quota_folder(root) == (None if cpu is None else groups / cpu)


@pytest.mark.parametrize(
    ("files", "left_bytes"),
    [
        (
            VERSION_2
            | {
                "sys/fs/cgroup/app.slice/memory.current": "3500000000",
                "sys/fs/cgroup/app.slice/memory.stat": "anon 2000000000\ninactive_file 900000000\nactive_file 600000000",
                "sys/fs/cgroup/app.slice/run.scope/memory.current": "7500000000",
            },
            500_000_000,  # the inner group's own: 8 - 7.5; the outer one leaves 4 - (3.5 - 1.5)
        ),
        (
            VERSION_1
            | {
                "sys/fs/cgroup/memory/box/one/memory.usage_in_bytes": "2500000000",
                "sys/fs/cgroup/memory/box/one/memory.stat": "inactive_file 1\nactive_file 1\n"
                "total_inactive_file 300000000\ntotal_active_file 200000000",
            },
            1_000_000_000,
        ),
        (VERSION_1, None),
        ({}, None),
    ],
    ids=["version 2", "version 1", "use not readable", "no control groups"],
)
def test_what_the_tightest_group_still_grants(tmp_path, files, left_bytes):
    assert control_group.memory_left_bytes(tree(tmp_path, files)) == left_bytes
