from dataclasses import replace
from pathlib import Path

import pytest

from app.pages.models.quantization_offers import COMMON_TYPES, Offer, Offers, SourceOffers
from app.pages.models.type_rows import Source, TypeRow, bytes_to_make, type_rows
from profiler.modelfile.description import ModelDescription, describe
from tests.helpers.offers import offers_of, prediction, quality
from tests.helpers.small_models import write_small_model

FREE = 10_000


@pytest.fixture
def small(tmp_path: Path) -> ModelDescription:
    return describe(write_small_model(tmp_path / "small.gguf"))


def source(description: ModelDescription, name: str = "a", beside: int | None = 500) -> Source:
    return Source(name, replace(description, tensor_bytes=2000, file_bytes=2100), beside, (description,))


def rows_of(
    sources: list[Source],
    offers: Offers | None,
    *chosen: str,
    has_imatrix: bool = False,
    shows_all: bool = False,
) -> dict[str, TypeRow]:
    rows = type_rows(sources, offers, chosen, FREE, has_imatrix=has_imatrix, shows_all=shows_all)
    return {row.type: row for row in rows}


def test_before_anything_was_asked_nothing_is_claimed(small: ModelDescription) -> None:
    rows = rows_of([source(small)], None, "IQ1_S")
    assert list(rows) == ["as-is", *COMMON_TYPES, "IQ1_S"]
    assert rows["Q8_0"] == TypeRow("Q8_0", "Q8_0")
    assert rows["Q8_0"].in_words == ""
    assert (rows["as-is"].bits, rows["as-is"].quality, rows["as-is"].state) == ("16.0", "–", "the file itself")


def test_size_fit_loss_and_state_of_one_model(small: ModelDescription) -> None:
    offers = offers_of(
        "a",
        Q8_0=Offer(prediction("Q8_0", 9500, bits=8.5), True, quality()),
        Q4_0=Offer(prediction("Q4_0", 9501, fallback=7), False, None),
        Q2_K=Offer(prediction("Q2_K", 10_001), None, None),
    )
    rows = rows_of([source(small)], offers)
    fine, tight, huge = rows["Q8_0"], rows["Q4_0"], rows["Q2_K"]
    assert (fine.size, fine.bits, fine.fits, fine.quality, fine.state) == ("9.50 kB", "8.50", "✓ fits", "0.0123", "made")
    assert fine.quality_tip == (
        "KL divergence (mean, nat) against best.gguf over 1020 tokens of calibration.txt: 0 is no difference."
    )
    assert fine.in_words == "size 9.50 kB, bits per weight 8.50, memory ✓ fits, KL divergence 0.0123, made"
    assert (tight.fits, tight.fits_tip) == ("✕ too large", "needs 10.0 kB, 10.0 kB are free")
    assert (tight.quality, tight.state, tight.size_tip) == (
        "not measured",
        "to be made",
        "9.50 kB, 7 tensors fall back to another type",
    )
    assert "the weights alone" in huge.fits_tip
    assert huge.state == "–"  # the file's content is not known
    assert rows["Q6_K"].size == "–"


def test_what_a_run_takes_beside_the_weights_may_not_be_known(small: ModelDescription) -> None:
    offers = offers_of("a", Q8_0=Offer(prediction("Q8_0", 9000)), Q4_0=Offer(prediction("Q4_0", 20_000)))
    rows = rows_of([source(small, beside=None)], offers)
    assert (rows["Q8_0"].fits, rows["Q4_0"].fits) == ("–", "✕ too large")


def test_a_type_that_needs_a_matrix_or_cannot_be_made_says_so(small: ModelDescription) -> None:
    offers = offers_of("a", IQ1_S=Offer(prediction("IQ1_S", needs_imatrix=True)), Q1_0=Offer(prediction("Q1_0", None)))
    rows = rows_of([source(small)], offers, shows_all=True)
    assert (rows["IQ1_S"].obstacle, rows["IQ1_S"].state) == ("needs an importance matrix", "needs imatrix")
    assert rows["Q1_0"].obstacle == "llama.cpp cannot make it: no fallback is defined"
    assert rows["Q1_0"].size == "–"
    assert rows_of([source(small)], offers, shows_all=True, has_imatrix=True)["IQ1_S"].obstacle == ""


def test_several_models_are_told_together(small: ModelDescription) -> None:
    offers = Offers(
        ("Q8_0",),
        {
            "a": SourceOffers({"Q8_0": Offer(prediction("Q8_0", 3000, bits=8.5), True, quality(kld=0.01))}),
            "b": SourceOffers({"Q8_0": Offer(prediction("Q8_0", 4000, bits=8.0), False, None)}),
        },
    )
    row = rows_of([source(small, "a"), source(small, "b")], offers)["Q8_0"]
    assert (row.size, row.bits, row.make_bytes) == ("7.00 kB", "8.00–8.50", 4000)
    assert (row.quality, row.state) == ("1 of 2 models", "1 of 2 made")
    half = Offers(("Q8_0",), {"a": offers.sources["a"]})
    assert rows_of([source(small, "a"), source(small, "b")], half)["Q8_0"].size == "–"


def test_a_type_that_one_of_several_files_has_is_not_made(small: ModelDescription) -> None:
    other = replace(small, quantization="Q4_0")
    offers = offers_of(
        "a", Q4_0=Offer(prediction("Q4_0", 900, needs_imatrix=True), False), Q8_0=Offer(prediction("Q8_0", 1500), False)
    )
    grouped = replace(source(small), files=(small, other))
    rows = rows_of([grouped], offers)
    assert (rows["Q4_0"].state, rows["Q4_0"].make_bytes, rows["Q4_0"].obstacle) == ("there", 0, "")
    assert rows["as-is"].state == "2 files"
    assert bytes_to_make(list(rows.values()), ("as-is", "Q4_0", "Q8_0")) == 1500


def test_what_is_to_be_made_is_known_only_when_all_of_it_is() -> None:
    rows = [TypeRow("as-is", "as is", make_bytes=0), TypeRow("Q8_0", "Q8_0", make_bytes=40), TypeRow("Q4_0", "Q4_0")]
    assert bytes_to_make(rows, ("as-is",)) == 0
    assert bytes_to_make(rows, ("as-is", "Q8_0")) == 40
    assert bytes_to_make(rows, ("Q8_0", "Q4_0")) is None
    assert bytes_to_make(rows, ("Q2_K",)) is None
