import pytest

from profiler import paths
from profiler.errors import EnvironmentFault
from profiler.hardware import wall_meter
from profiler.records.energy_settings import WallCalibration

MACHINE = {"cpu": {"name": "One"}, "memory": {"total_bytes": 2**34}}
OTHER = {"cpu": {"name": "Two"}, "memory": {"total_bytes": 2**34}}
GPU = WallCalibration(("gpu0", "gpu1"), 1.2, 60.0, "2026-01-01T00:00:00+00:00")
PACKAGE = WallCalibration(("rapl0_package",), 1.5)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("INFEROMETER_HOME", str(tmp_path))


def test_a_calibration_is_kept_for_its_machine_and_its_meters():
    wall_meter.keep(MACHINE, GPU)
    wall_meter.keep(MACHINE, PACKAGE)
    assert wall_meter.kept(MACHINE, ("gpu1", "gpu0")) == GPU
    assert wall_meter.kept(MACHINE, ("rapl0_package",)) == PACKAGE
    assert wall_meter.kept(MACHINE, ("gpu0",)) is None
    assert wall_meter.kept(OTHER, GPU.meters) is None
    wall_meter.forget(MACHINE, GPU.meters)
    assert wall_meter.kept(MACHINE, GPU.meters) is None
    assert wall_meter.kept(MACHINE, PACKAGE.meters) == PACKAGE


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1, "machines": {"x": [{"factor": "a"}]}}'])
def test_a_damaged_file_holds_nothing_and_is_written_anew(text):
    file = paths.data_folder() / "wall_meter.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert wall_meter.kept(MACHINE, GPU.meters) is None
    wall_meter.keep(MACHINE, GPU)
    assert wall_meter.kept(MACHINE, GPU.meters) == GPU


def test_a_folder_that_cannot_be_written_is_told():
    paths.data_folder().write_text("a file in the way")
    with pytest.raises(EnvironmentFault, match="cannot be kept"):
        wall_meter.keep(MACHINE, GPU)
