from pathlib import Path
from xml.etree import ElementTree

import pytest

from profiler.errors import EnvironmentFault, UnusableArguments
from profiler.exchange.figure_export import PNG_SCALE, export_png, export_svg
from profiler.exchange.formats import formats_with
from profiler.session.reader import SessionReader
from tests.helpers.hostile_session import write_hostile_session
from tests.helpers.roofline_session import write_roofline_session
from tests.helpers.written_session import write_session


def test_every_figure_is_a_whole_svg(tmp_path: Path) -> None:
    for write in (write_roofline_session, write_hostile_session):
        with SessionReader.open(write(tmp_path / f"{write.__name__}.inferometer")) as reader:
            export_svg(reader, tmp_path / write.__name__)
        names = {file.name for file in (tmp_path / write.__name__).iterdir()}
        assert {"speed-frontier.svg", "first-token-shares.svg", "whole-answer-percentiles.svg"} <= names
        for file in (tmp_path / write.__name__).iterdir():
            text = file.read_text(encoding="utf-8")
            assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
            assert text.count("http") == 1
    assert (tmp_path / "write_roofline_session" / "roofline.svg").exists()


def test_a_png_is_what_the_means_make_of_the_svg(tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []

    def draw(svg: str, scale: float) -> bytes:
        seen.append((svg, scale))
        return b"picture"

    png = next(item for item in formats_with(draw) if item.name == "png")
    with SessionReader.open(write_session(tmp_path / "a.inferometer")) as reader:
        png.export(reader, tmp_path / "figures")
        with pytest.raises(UnusableArguments, match="exists"):
            png.export(reader, tmp_path / "figures")
        png.export(reader, tmp_path / "figures", force=True)
        with pytest.raises(EnvironmentFault, match="--to svg"):
            export_png(reader, tmp_path / "others")
    assert {file.read_bytes() for file in (tmp_path / "figures").iterdir()} == {b"picture"}
    assert {scale for _, scale in seen} == {PNG_SCALE}


def test_nothing_measured_is_told(tmp_path: Path) -> None:
    session = write_session(tmp_path / "a.inferometer", measured=0)
    with SessionReader.open(session) as reader, pytest.raises(UnusableArguments, match="no measured cell"):
        export_svg(reader, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()
