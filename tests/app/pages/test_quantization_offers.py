import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.pages.models import quantization_offers
from app.pages.models.quantization_offers import Offers, content_hash_of, made_from, read_offers
from profiler.errors import Interrupted
from profiler.modelfile.content_hash import sha256
from profiler.modelfile.description import ModelDescription, describe
from profiler.models import quality_cache, quantization_cache
from profiler.models.quality_cache import QualityKey
from profiler.models.quantization_sizes import LibraryTypes, Prediction, QuantizationType
from tests.helpers.offers import prediction, quality
from tests.helpers.small_models import write_small_model

VERSION = "1.2"
TYPES = ("F16", "Q8_0", "Q2_K")


class Line:
    """What a job's work gets, without a job."""

    def __init__(self) -> None:
        self.cancel = threading.Event()
        self.items: list[Offers] = []

    def progress(self, sentence: str, share: float | None = None) -> None:
        """Nobody looks."""

    def item(self, value: Offers) -> None:
        self.items.append(value)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that answers without a process."""
    library = LibraryTypes(VERSION, tuple(QuantizationType(name, 1, name, 8.0, False) for name in TYPES))

    def predict(source: ModelDescription, names: Sequence[str] | None, **_: Any) -> tuple[Prediction, ...]:
        return tuple(prediction(name) for name in (TYPES if names is None else names))

    monkeypatch.setattr(quantization_offers, "types_of_library", lambda child: library)
    monkeypatch.setattr(quantization_offers, "predict", predict)


def cached(source: Path, type_name: str, *, version: str = VERSION, **changes: object) -> Path:
    """Something in the cache that was made from a file."""
    folder = quantization_cache.folder_of(sha256(source), version)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{source.stem}.{type_name}.gguf"
    path.write_bytes(b"made")
    note = {"type": type_name, "file_bytes": 4, "sha256": "cd" * 32, "fallback_tensors": 0, "source_name": source.name}
    quantization_cache.write_note(path, note | {"imatrix_name": None} | changes)
    return path


def read(line: Line, files: dict[str, Path], imatrix: str | None = None) -> Offers:
    return read_offers(line, files, imatrix)  # type: ignore[arg-type]


@pytest.mark.usefixtures("engine")
def test_the_common_types_are_told_before_the_others(tmp_path: Path) -> None:
    line, file = Line(), write_small_model(tmp_path / "a.gguf")
    offers = read(line, {"a": file})
    assert [sorted(each.sources["a"].offers) for each in line.items] == [["Q2_K", "Q8_0"], ["F16", "Q2_K", "Q8_0"]]
    assert offers.types == TYPES
    assert offers.sources["a"].offers["Q8_0"].is_made is False
    assert offers.sources["a"].quality is None


@pytest.mark.usefixtures("engine")
def test_what_is_made_is_known_by_content_and_version(tmp_path: Path) -> None:
    file = write_small_model(tmp_path / "a.gguf")
    cached(file, "Q8_0")
    cached(file, "Q2_K", version="1.1")
    quality_cache.keep(QualityKey("cd" * 32, "ab" * 32, "ef" * 32, 512, 1020, VERSION), quality())
    renamed = file.rename(tmp_path / "b.gguf")
    offers = read(Line(), {"b": renamed}).sources["b"].offers
    assert (offers["Q8_0"].is_made, offers["Q2_K"].is_made) == (True, False)
    assert offers["Q8_0"].quality == quality()
    other = write_small_model(tmp_path / "a.gguf", name="Another")
    assert read(Line(), {"a": other}).sources["a"].offers["Q8_0"].is_made is False
    assert [made.type for made in made_from(sha256(renamed))] in (["Q8_0", "Q2_K"], ["Q2_K", "Q8_0"])


@pytest.mark.usefixtures("engine")
def test_a_model_that_cannot_be_read_is_absent_and_a_matrix_that_cannot_be_is_told(tmp_path: Path) -> None:
    file = write_small_model(tmp_path / "a.gguf")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    offers = read(Line(), {"a": file, "broken": broken}, str(tmp_path / "none.gguf"))
    assert list(offers.sources) == ["a"]
    assert "none.gguf" in offers.imatrix_problem


@pytest.mark.usefixtures("engine")
def test_a_cancel_is_heard(tmp_path: Path) -> None:
    line = Line()
    line.cancel.set()
    with pytest.raises(Interrupted):
        read(line, {"a": write_small_model(tmp_path / "a.gguf")})


def test_a_large_file_is_not_read_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    description = describe(write_small_model(tmp_path / "a.gguf"))
    monkeypatch.setattr(quantization_offers, "MOST_READ_UNASKED_BYTES", 10)
    cancel = threading.Event()
    assert content_hash_of(description, cancel) is None
    known = content_hash_of(description, cancel, even_large=True)
    assert known == sha256(description.path)
    assert content_hash_of(description, cancel) == known  # it is remembered now
