"""The report in a real headless Chromium: no complaint of the console, both themes, paper, and what a click does."""

import base64
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from profiler.exchange.report import report
from profiler.session.reader import SessionReader
from tests.helpers.hostile_session import write_hostile_session
from tests.helpers.roofline_session import write_roofline_session
from tests.helpers.search_session import write_search_session
from tests.helpers.written_session import write_session

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVE = """
const told = [];
const click = (selector) => document.querySelector(selector).dispatchEvent(new MouseEvent("click", {bubbles: true}));
addEventListener("load", () => {
  click('.pick[data-pick="2"]');
  told.push("rows " + document.querySelectorAll('tr.chosen').length);
  told.push("marks " + document.querySelectorAll('.chart g.chosen').length);
  told.push("says " + document.getElementById("chosen").textContent);
  click('.pick[data-pick="2"]');
  told.push("left " + document.querySelectorAll('.chosen').length);
  const item = document.querySelector('#figure-first-token-shares .legend button');
  item.click();
  told.push("hidden " + document.querySelectorAll('#figure-first-token-shares .series.off').length + " " + item.ariaPressed);
  const svg = document.querySelector('#figure-speed-frontier .chart');
  const ring = svg.querySelector('[data-cell="2"] .ring').getBoundingClientRect();
  const at = {bubbles: true, clientX: ring.x + ring.width / 2 + 2, clientY: ring.y + ring.height / 2 - 2};
  svg.dispatchEvent(new PointerEvent("pointermove", at));
  told.push("reads " + document.querySelector('#figure-speed-frontier .readout').textContent.split("\\n")[0]);
  svg.dispatchEvent(new MouseEvent("click", at));
  told.push("chosen " + document.getElementById("chosen").textContent);
  const curve = document.querySelector('#figure-whole-answer-percentiles .chart');
  const box = curve.getBoundingClientRect();
  const middle = {bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2};
  curve.dispatchEvent(new PointerEvent("pointermove", middle));
  told.push("lines " + document.querySelector('#figure-whole-answer-percentiles .readout').textContent.split("\\n").length);
  const maps = document.querySelector('#figure-heatmap .maps select');
  maps.value = "2";
  maps.dispatchEvent(new Event("change"));
  const seen = [...document.querySelectorAll('#figure-heatmap .map')].map((map, number) => map.hidden ? "" : number).join("");
  told.push("map " + seen + " " + document.querySelector('#figure-heatmap .maps').hidden);
  click('#figure-heatmap .map:not([hidden]) .box[data-cell="4"]');
  told.push("boxed " + document.getElementById("chosen").textContent);
  told.push("bar " + document.querySelectorAll('#figure-where-the-time-went .box.chosen').length);
  const before = getComputedStyle(document.body).getPropertyValue("--ground");
  document.getElementById("theme").click();
  told.push("theme " + (before !== getComputedStyle(document.body).getPropertyValue("--ground")));
  document.body.dataset.told = told.join("; ");
});
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here"),
]


def opened(page: Path, profile: Path, *options: str) -> tuple[str, list[str]]:
    """What Chromium makes of the page, and what its console says."""
    command = [
        str(CHROMIUM), "--no-sandbox", "--headless=new", "--disable-gpu", f"--user-data-dir={profile}", "--enable-logging=stderr",
        "--window-size=1280,4000", "--virtual-time-budget=3000", *options, page.as_uri(),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return ended.stdout, [line for line in ended.stderr.splitlines() if "CONSOLE" in line]


def written(session: Path) -> Path:
    page = session.with_suffix(".html")
    with SessionReader.open(session) as reader:
        page.write_text(report(reader), encoding="utf-8")
    return page


@pytest.mark.parametrize("write", [write_session, write_search_session, write_roofline_session, write_hostile_session])
def test_it_opens_without_a_complaint(write: object, tmp_path: Path) -> None:
    page = written(write(tmp_path / "a.inferometer"))  # type: ignore[operator]
    document, console = opened(page, tmp_path / "profile", "--dump-dom")
    assert console == []
    assert 'class="readout"' in document  # its script has run
    assert "<img" not in document
    for name, options in (("light", ()), ("dark", ("--blink-settings=preferredColorScheme=0",))):
        picture = tmp_path / f"{name}.png"
        assert opened(page, tmp_path / "profile", f"--screenshot={picture}", *options)[1] == []
        assert picture.stat().st_size > 50_000
    assert (tmp_path / "light.png").read_bytes() != (tmp_path / "dark.png").read_bytes()
    paper = tmp_path / "a.pdf"
    opened(page, tmp_path / "profile", f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes())) <= 12


def test_a_script_that_is_not_ours_does_not_run(tmp_path: Path) -> None:
    page = written(write_session(tmp_path / "a.inferometer"))
    page.write_text(page.read_text().replace("</main>", "<script>document.title = 'taken'</script></main>"), encoding="utf-8")
    document, console = opened(page, tmp_path / "profile", "--dump-dom")
    assert "<title>taken" not in document
    assert "Content Security Policy" in "".join(console)


def test_pointing_and_choosing(tmp_path: Path) -> None:
    page = written(write_session(tmp_path / "a.inferometer"))
    allowed = base64.b64encode(hashlib.sha256(DRIVE.encode()).digest()).decode()
    driven = page.read_text().replace("script-src '", f"script-src 'sha256-{allowed}' '")
    page.write_text(driven.replace("</body>", f"<script>{DRIVE}</script></body>"), encoding="utf-8")
    document, console = opened(page, tmp_path / "profile", "--dump-dom")
    assert console == []
    told = re.search(r'data-told="([^"]*)"', document)
    assert told is not None
    said = dict(part.split(" ", 1) for part in told[1].split("; "))
    assert int(said["rows"]) >= 8  # the cells' table and the figures' twins
    assert int(said["marks"]) >= 8  # both planes and every distribution
    assert said["says"] == said["chosen"] == "Chosen: Q8_0 · 2 users"
    assert said["left"] == "0"
    assert said["hidden"] == "1 false"
    assert said["reads"] == "Q8_0 · 2 users"
    assert said["lines"] == "5"
    assert said["map"] == "2 false"
    assert said["boxed"] == "Chosen: Q4_K_M · 1 user"
    assert said["bar"] == "1"
    assert said["theme"] == "true"
