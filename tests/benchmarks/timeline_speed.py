"""How fast a session of ten million tokens is opened, and how smoothly its timeline moves. Printed, never asserted.

python -m tests.benchmarks.timeline_speed [--tokens 10000000] [--file PATH]

32 users in a closed loop: 100 tokens a request, 32 in a step, a prompt in every third step. The file is made where it does not
exist, which takes a minute. Told are: the time until the figures are read, until the Results page shows them, to load the
timeline (on a thread of its own), and the frames a second while it pans and zooms, painted without a screen.
"""

import argparse
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.pages.results.timeline_reading import LoadedRun, load_run, range_figures
from app.pages.results_page import ResultsPage
from app.plots.timeline_view import TimelineView
from app.settings import Settings
from app.theme import ThemeSwitch
from profiler.analysis.context import RunContext
from profiler.analysis.figures import cell_figures, run_figures
from profiler.exchange.findings.session_view import read_session
from profiler.records.run_record import CellStatus, RunStatus
from profiler.records.timing import REQUEST_DTYPE, STEP_DTYPE, TOKEN_DTYPE, RequestStatus, RunData, Samples
from profiler.session.writer import SessionWriter
from tests.helpers.offscreen import application
from tests.helpers.scripted_sweep import MACHINE, MODEL, measuring, run_of, sweep_cells
from tests.helpers.written_session import PLAN

USERS, ANSWER, PROMPT = 32, 100, 128
MS = 1_000_000
FRAMES = 60


def main() -> None:
    """Make the file where it is missing, then measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=10_000_000)
    parser.add_argument("--file", type=Path, default=Path(tempfile.gettempdir()) / "ten-million-tokens.inferometer")
    wanted = parser.parse_args()
    if not wanted.file.exists():
        write_session(wanted.file, wanted.tokens)
    begin = time.perf_counter()
    view = read_session(wanted.file)
    print(f"figures of {view.cells[0].tokens['output']} tokens read in {time.perf_counter() - begin:.2f} s")
    app = application()
    ThemeSwitch(app, "dark")
    with tempfile.TemporaryDirectory() as place:
        page = ResultsPage(Settings(Path(place) / "window.ini"))
        page.resize(1364, 870)
        page.show()
        begin = time.perf_counter()
        page.open_session(wanted.file)
        while page.session is None:
            app.processEvents()
            time.sleep(0.001)
        app.processEvents()
        print(f"figures on the Results page in {time.perf_counter() - begin:.2f} s")
        while page.is_busy:
            app.processEvents()
            time.sleep(0.001)
        print(f"everything else of that page in {time.perf_counter() - begin:.1f} s")
    begin = time.perf_counter()
    loaded = load_run(wanted.file, 1, None, (), threading.Event())
    assert loaded is not None
    print(f"timeline of {len(loaded.timeline.data.tokens)} tokens loaded in {time.perf_counter() - begin:.1f} s")
    move(loaded)
    begin = time.perf_counter()
    whole = loaded.timeline.end_ns
    found = range_figures(loaded, whole // 2, whole // 2 + whole // 100)
    print(f"figures of a range of {found.requests} requests in {time.perf_counter() - begin:.2f} s")


def move(loaded: LoadedRun) -> None:
    """Pan and zoom, painting each frame."""
    timeline = TimelineView("Timeline")
    timeline.show_timeline(loaded.timeline, loaded.tracks)
    timeline.resize(1300, timeline.sizeHint().height())
    for name, factor in (("the whole run", 1.0), ("a hundredth", 1e-2), ("ten seconds", 10e9 / loaded.timeline.end_ns)):
        timeline.fit()
        timeline.zoom(factor, loaded.timeline.end_ns / 2)
        took_s = []
        for number in range(FRAMES):
            begin = time.perf_counter()
            timeline.pan(0.02 if number % 20 < 10 else -0.02)
            timeline.grab()
            took_s.append(time.perf_counter() - begin)
        print(f"pan over {name}: {1 / np.median(took_s):.0f} frames a second, the slowest {1000 * max(took_s):.0f} ms")
    timeline.fit()
    took_s = []
    for number in range(FRAMES):
        begin = time.perf_counter()
        timeline.zoom(0.75 if number < FRAMES // 2 else 1 / 0.75, loaded.timeline.end_ns * 0.4)
        timeline.grab()
        took_s.append(time.perf_counter() - begin)
    print(f"zoom from all to a token and back: {1 / np.median(took_s):.0f} frames a second, slowest {1000 * max(took_s):.0f} ms")


def write_session(path: Path, tokens: int) -> None:
    """One cell of one run, written as a sweep writes it."""
    data = generated(tokens // USERS)
    cell = sweep_cells()[0]
    cell = replace(cell, configuration={**cell.configuration, "concurrency": USERS, "slots": USERS})
    run = measuring(run_of(cell, 1))
    assert run.facts is not None
    run = replace(run, facts=replace(run.facts, kv_cells=8192))
    context = RunContext(run.specification, run.facts, cell.costs, None)
    with SessionWriter.create(path, plan=PLAN.to_document(), machine=MACHINE.to_json(), title="ten million tokens") as writer:
        writer.add_model(MODEL)
        writer.add_cell(cell)
        writer.start_run(run)
        writer.add_requests(1, data.requests)
        writer.add_rows(1, "token", data.tokens)
        writer.add_rows(1, "step", data.steps)
        writer.add_samples(1, data.samples)
        figures = run_figures(data, context)
        writer.update_run(replace(run, status=RunStatus.DONE))
        writer.set_run_figures(1, figures)
        writer.set_cell_figures(1, cell_figures([(data, context, figures)]), {})
        writer.update_cell(replace(cell, status=CellStatus.DONE))


def generated(steps: int) -> RunData:
    """Users who begin three steps after each other, each with one request after another."""
    step = np.arange(steps)
    lengths = np.arange(USERS) * 3
    begins = (step[None, :] - lengths[:, None]) % ANSWER == 0
    is_on = step[None, :] >= lengths[:, None]
    begins &= is_on
    prompts = begins.sum(axis=0)
    rows = np.zeros(steps, STEP_DTYPE)
    lasted = 10 * MS + 20 * MS * prompts + (step * 7919 % 1000) * 1000
    rows["end_ns"] = np.cumsum(lasted + MS // 10)
    rows["start_ns"] = rows["end_ns"] - lasted
    rows["decode_ns"], rows["ubatches"] = lasted, 1
    rows["prefill_tokens"] = PROMPT * prompts
    rows["sequences"] = rows["outputs"] = is_on.sum(axis=0)
    rows["decode_tokens"] = rows["sequences"] - prompts
    rows["kv_useful_tokens"] = rows["kv_scanned_tokens"] = rows["kv_used_cells"] = rows["sequences"] * (PROMPT + ANSWER // 2)
    rows["in_system"] = rows["sequences"]
    first_step, user = np.nonzero(begins.T)
    last_step = np.minimum(first_step + ANSWER - 1, steps - 1)
    requests = np.zeros(len(first_step), REQUEST_DTYPE)
    requests["request"], requests["user"] = np.arange(len(requests)), user
    requests["turn"], requests["prompt_tokens"], requests["status"] = 1, PROMPT, RequestStatus.COMPLETED
    requests["output_tokens"] = last_step - first_step + 1
    requests["due_ns"] = requests["sent_ns"] = np.maximum(rows["start_ns"][first_step] - 2 * MS // 10, 0)
    requests["prefill_start_ns"] = rows["start_ns"][first_step] - MS // 20
    requests["first_token_ns"], requests["end_ns"] = rows["end_ns"][first_step], rows["end_ns"][last_step]
    number_of = np.zeros((USERS, steps), np.int64)
    number_of[user, first_step] = np.arange(len(requests))
    number_of = np.maximum.accumulate(number_of, axis=1)
    of_step, of_user = np.nonzero(is_on.T)
    tokens = np.zeros(len(of_step), TOKEN_DTYPE)
    tokens["request"], tokens["step"] = number_of[of_user, of_step], of_step
    tokens["time_ns"], tokens["token"] = rows["end_ns"][of_step], -1
    times_ns = np.arange(0, int(rows["end_ns"][-1]), 250 * MS)
    wave = np.sin(times_ns / 20e9)
    samples = Samples(times_ns, {"gpu0_power_watts": 150 + 50 * wave, "cpu_frequency_mhz_0": 3000 + 400 * wave})
    return RunData(requests, tokens, rows, samples)


if __name__ == "__main__":
    main()
