import json
import math

import numpy as np
import pytest

from profiler.hardware import session_spread
from profiler.hardware.session_spread import Repetitions, SessionSummary, kept, learn, machine_key, remember, summary
from profiler.records.session_figures import MeasuredCell, MeasuredRun, MeasuredSession, ModelIdentity

MACHINE = {
    "cpu": {"name": "Some CPU", "logical_cores": 8},
    "memory": {"total_bytes": 16 * 2**30},
    "devices": [{"name": "CPU", "kind": "cpu"}, {"name": "GPU", "kind": "gpu", "driver": "1"}],
    "engine": {"llama_cpp_python": "0.3.36"},
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))
    return tmp_path / "data" / "session_spread.json"


def session(values=(1.0, 2.0), *, created="2026-01-01", machine=MACHINE, users=1, plan=None, name="speed"):
    runs = tuple(MeasuredRun(block, {name: value}) for block, value in enumerate(values, 1))
    cell = MeasuredCell({"model": "m", "concurrency": users}, ModelIdentity("m", "Q8_0", "ab"), runs)
    return MeasuredSession("file", created, (cell,), machine, plan or {})


def told(created, means, variance=0.0, count=2, conditions="same"):
    """A session of cells c0, c1 …, each with one figure."""
    return SessionSummary(
        created, conditions, {f"c{place}": {"x": Repetitions(mean, variance, count)} for place, mean in enumerate(means)}
    )


def test_the_within_session_part_is_taken_out():
    # Means 0, 1, 2: variance 1, of which 0.9 / 3 is what three repetitions leave.
    spread = learn([[told(name, [mean], 0.9, 3) for name, mean in (("a", 0.0), ("b", 1.0), ("c", 2.0))]])["x"]
    assert spread.means_variance == pytest.approx(1)
    assert spread.repetitions_part == pytest.approx(0.3)
    assert spread.variance == pytest.approx(0.7)
    assert (spread.degrees, spread.repetitions_degrees) == (2, 6)


def test_a_negative_estimate_is_none_and_keeps_its_degrees():
    spread = learn([[told("a", [0.0], 5.0), told("b", [0.1], 5.0)]])["x"]
    assert spread.variance == 0
    assert spread.degrees == 1


def test_cells_of_the_same_sessions_add_no_degrees_of_freedom():
    spread = learn([[told("a", [0.0, 0.0]), told("b", [2.0, 4.0]), told("c", [4.0, 8.0])]])["x"]
    assert spread.means_variance == pytest.approx((4 + 16) / 2)
    assert spread.degrees == 2


def test_sessions_without_a_common_cell_teach_nothing():
    others = SessionSummary("b", "same", {"z": {"x": Repetitions(9.0, 0.0, 2)}})
    assert learn([[told("a", [0.0]), others]]) == {}
    # a and b share one cell, c and d another: one degree of freedom each.
    far = [SessionSummary(name, "same", {"z": {"x": Repetitions(mean, 0.0, 2)}}) for name, mean in (("c", 0.0), ("d", 2.0))]
    assert learn([[told("a", [0.0]), told("b", [2.0]), *far]])["x"].degrees == 2


def test_groups_and_conditions_are_not_held_against_each_other():
    assert learn([[told("a", [0.0])], [told("b", [9.0])]]) == {}
    assert learn([[told("a", [0.0]), told("b", [9.0], conditions="other")]]) == {}


def test_a_session_counts_once():
    assert learn([[told("a", [0.0]), told("a", [5.0])]]) == {}


def test_the_planted_spread_is_found():
    generator = np.random.default_rng(1)
    logs = generator.normal(0, 0.03, (200, 1)) + generator.normal(0, 0.05, (200, 4))
    group = [told(f"{row}", [float(each.mean())], float(each.var(ddof=1)), 4) for row, each in enumerate(logs)]
    assert learn([group])["x"].log_std == pytest.approx(0.03, rel=0.2)


def test_the_summary_holds_logarithms_of_complete_figures():
    (figures,) = summary(session((1.0, math.e**2))).cells.values()
    assert figures == {"speed": Repetitions(1.0, 2.0, 2)}
    assert summary(session((1.0,))).cells == {}
    assert summary(session((1.0, 0.0))).cells == {}
    partly = session()
    runs = (*partly.cells[0].runs, MeasuredRun(3, {}))
    cell = MeasuredCell(partly.cells[0].configuration, partly.cells[0].model, runs)
    assert summary(MeasuredSession("file", "t", (cell,), MACHINE)).cells == {}


def test_what_makes_a_cell_another():
    def key(**how):
        return set(summary(session(**how)).cells)

    assert key() == key(created="later", plan={"load": {"concurrency": [1, 2]}, "trust": {"repetitions": 3}})
    assert key() != key(users=2)
    assert key() != key(plan={"load": {"requests": 9}})


def test_machines_and_conditions_are_told_apart():
    assert machine_key(MACHINE) == machine_key(MACHINE | {"memory": {"total_bytes": 16 * 2**30 - 10**7}, "kernel": "9"})
    assert machine_key(MACHINE) != machine_key(MACHINE | {"cpu": {"name": "Other", "logical_cores": 8}})
    assert machine_key(MACHINE) != machine_key(MACHINE | {"devices": []})
    assert machine_key({"cpu": 1, "devices": 2, "memory": "x"})
    engine = MACHINE | {"engine": {"llama_cpp_python": "0.4"}}
    assert summary(session()).conditions != summary(session(machine=engine)).conditions


def test_sessions_are_kept_by_machine_and_once():
    remember(MACHINE, [summary(session(created="b")), summary(session(created="a"))])
    remember(MACHINE, [summary(session((3.0, 4.0), created="a"))])
    remember(MACHINE | {"devices": []}, [summary(session(created="z"))])
    assert [each.created_utc for each in kept(MACHINE)] == ["a", "b"]
    assert kept(MACHINE)[0] == summary(session((3.0, 4.0), created="a"))


def test_without_a_time_or_figures_nothing_is_kept():
    remember(MACHINE, [summary(session(created="")), summary(session((1.0,)))])
    assert kept(MACHINE) == []


def test_the_oldest_go_first():
    remember(MACHINE, [summary(session(created=f"{number:03}")) for number in range(session_spread.MOST_SESSIONS + 5)])
    assert [each.created_utc for each in kept(MACHINE)][:2] == ["005", "006"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 99, "machines": {}}', '{"version": 1, "machines": {"x": 3}}'])
def test_a_damaged_file_is_as_good_as_none(own_folder, text):
    own_folder.parent.mkdir()
    own_folder.write_text(text)
    assert kept(MACHINE) == []
    remember(MACHINE, [summary(session())])
    assert len(kept(MACHINE)) == 1


def test_figures_that_cannot_be_are_refused(own_folder):
    remember(MACHINE, [summary(session())])
    document = json.loads(own_folder.read_text())
    document["machines"][machine_key(MACHINE)][0]["cells"]["k"] = {"x": [0.0, -1.0, 2]}
    own_folder.write_text(json.dumps(document))
    assert kept(MACHINE) == []


def test_where_nothing_can_be_written_nothing_fails(tmp_path):
    (tmp_path / "data").write_text("a file where the folder would be")
    remember(MACHINE, [summary(session())])
    assert kept(MACHINE) == []
