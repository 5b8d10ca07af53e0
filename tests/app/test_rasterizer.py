import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

from app.rasterizer import rasterize
from profiler.errors import EnvironmentFault
from tests.helpers.written_session import write_session

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="#ffffff"/>'
    '<rect x="20" width="20" height="20" fill="#b8470f"/></svg>'
)


def test_a_picture_of_the_drawing(qapp: object) -> None:
    image = QImage.fromData(rasterize(SVG, 2.0))
    assert (image.width(), image.height()) == (80, 40)
    assert image.pixelColor(20, 20) == QColor("#ffffff")
    assert image.pixelColor(60, 20) == QColor("#b8470f")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PySide6.QtSvg", None)
    with pytest.raises(EnvironmentFault, match="`--to svg` writes the same figures"):
        rasterize(SVG, 1.0)


def test_the_command_draws_without_a_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    session, folder = write_session(tmp_path / "a.inferometer"), tmp_path / "figures"
    command = [sys.executable, "-m", "app", "export", str(session), "--to", "png", "-o", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    pictures = [QImage(str(file)) for file in folder.iterdir()]
    assert {picture.width() for picture in pictures} == {1200}
    colours = {
        QColor(picture.pixel(x, y)).name()
        for picture in pictures[:1]
        for x in range(0, 1200, 7)
        for y in range(0, picture.height(), 5)
    }
    assert len(colours) > 4  # not blank
