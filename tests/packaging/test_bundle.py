"""The frozen application does the whole way by itself: headless, and in its window on a virtual screen."""

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.dialogs import report
from profiler.plan.plan import Plan
from profiler.plan.plan_file import save_plan
from profiler.records.run_record import CellStatus
from profiler.session.reader import SessionReader
from tests.helpers.virtual_screen import VirtualScreen, missing_parts, wait_until

pytestmark = [pytest.mark.bundle, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
OUTPUT_TOKENS = 8
REQUESTS = 4


@pytest.fixture(scope="session")
def bundle(tmp_path_factory) -> Path:
    """A bundle made for these tests."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "packaging/build_bundle.py", str(out)], cwd=ROOT, check=True, timeout=600)
    return out / "inferometer"


@pytest.fixture
def bare_environment(tmp_path) -> dict[str, str]:
    """A user's environment with nothing on its path: no Python, no virtual environment, no settings of ours."""
    home = tmp_path / "home"
    home.mkdir()
    return {"HOME": str(home), "PATH": str(home), "LANG": "C.UTF-8", "INFEROMETER_HOME": str(home)}


@pytest.fixture
def small_plan() -> Plan:
    load = {"concurrency": [1, 2], "prompt_tokens": [16], "output_tokens": [OUTPUT_TOKENS], "requests": REQUESTS}
    return Plan.model_validate({"models": {"quant": ["as-is", "Q8_0"]}, "load": load, "trust": {"repetitions": 1}})


def test_a_sweep_runs_without_a_window(bundle, bare_environment, tmp_path):
    session = tmp_path / "a.inferometer"
    load = ["--concurrency", "1,2", "--prompt-tokens", "16", "--output-tokens", str(OUTPUT_TOKENS), "--requests", str(REQUESTS)]
    command = [
        bundle / "inferometer",
        "run",
        "sample",
        *load,
        "--quant",
        "as-is,Q8_0",
        "--repetitions",
        "1",
        "-o",
        session,
        "--json",
    ]
    end = subprocess.run(command, cwd=tmp_path, env=bare_environment, capture_output=True, text=True, timeout=300, check=False)
    assert end.returncode == 0, end.stderr
    cells = json.loads(end.stdout)["cells"]
    assert [cell["status"] for cell in cells] == ["done"] * 4
    assert {cell["config"]["quant"] for cell in cells} == {"as-is", "Q8_0"}
    assert all(cell["tokens"]["output"] == REQUESTS * OUTPUT_TOKENS * cell["runs"] for cell in cells)
    shown = subprocess.run([bundle / "inferometer", "show", session], env=bare_environment, capture_output=True, check=False)
    assert shown.returncode == 0


def test_a_sweep_runs_in_the_window(bundle, bare_environment, small_plan, tmp_path):
    if missing := missing_parts():
        pytest.skip(f"this machine lacks {missing}")
    plan_file = tmp_path / "small.toml"
    save_plan(small_plan, plan_file)
    with VirtualScreen(tmp_path) as screen:
        environment = bare_environment | {"DISPLAY": screen.name}
        started_s = time.monotonic()
        window = subprocess.Popen([bundle / "inferometer", plan_file], env=environment, stderr=subprocess.PIPE)
        try:
            wait_until(lambda: screen.color_count() > 50, 30)
            print(f"first picture after {time.monotonic() - started_s:.2f} s")
            sessions = Path(environment["INFEROMETER_HOME"]) / "documents" / "Inferometer"

            def is_started() -> bool:
                """The first picture may come before the plan has been looked at; until then Start does nothing."""
                screen.click(700, 12)  # into the empty part of the menu bar: gives the window the keyboard
                screen.press("Control_L", "Return")
                return any(sessions.glob("*-wal"))

            # The write-ahead log is there while the sweep writes; a reader of ours would hinder its end.
            wait_until(is_started, 60)
            wait_until(lambda: not any(sessions.glob("*-wal")), 120)
            screen.save(tmp_path / "live.png")
            children = _children_of(window.pid)
        finally:
            window.terminate()
            words = window.communicate(timeout=30)[1].decode()
        assert window.returncode == 0, words
        assert not words
        assert not any(Path(f"/proc/{child}").exists() for child in children)
    (session,) = sessions.iterdir()
    with closing(SessionReader.open(session)) as reader:
        assert [cell.status for cell in reader.cells()] == [CellStatus.DONE] * 4


def test_the_window_can_tell_its_versions(bundle):
    folders = {folder.name.partition("-")[0] for folder in (bundle / "_internal").glob("*.dist-info")}
    assert {name.replace("-", "_") for name in report._PACKAGES} <= folders


def test_licences_are_shipped(bundle):
    assert {"LICENSE", "NOTICE"} <= {path.name for path in bundle.iterdir()}
    assert {"LGPL-3.0.txt", "GPL-3.0.txt", "llama.cpp.txt"} <= set(os.listdir(bundle / "_internal" / "licenses"))


def _children_of(process_id: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()]
