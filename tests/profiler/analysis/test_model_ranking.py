from dataclasses import replace

import pytest

from profiler.analysis.model_ranking import rank_models
from profiler.records.quality import QualityRecord
from profiler.records.run_record import CellRecord, ModelRecord

MODEL = ModelRecord(1, "M", "/m.gguf", "ab" * 32, "llama", 10, "F16", 100, 16.0, 512)
QUALITY = QualityRecord("text", "cd" * 32, 512, 1000, 20.0, 0.5, 1.0)


def model(model_id, file_bytes, bits_per_byte=None, **quality):
    scored = None if bits_per_byte is None else replace(QUALITY, bits_per_byte=bits_per_byte, **quality)
    return replace(MODEL, model_id=model_id, file_bytes=file_bytes, quality=scored)


def session(*rows):
    """Cells from (model, concurrency, output_tok_s, user_tok_s, rss)."""
    cells = [CellRecord(number, row[0], {"concurrency": row[1]}) for number, row in enumerate(rows, 1)]
    figures = {
        number: {"output_tok_s": output, "user_tok_s": user, "rss_peak_bytes": rss}
        for number, (_, _, output, user, rss) in enumerate(rows, 1)
    }
    return cells, figures


def test_models_are_ranked_in_each_figure():
    models = [model(1, 300, 0.9), model(2, 100, 1.2), model(3, 200, 1.0)]
    rows = rank_models(
        models,
        *session(
            (1, 1, 10.0, 10.0, 500), (1, 4, 30.0, 8.0, 900),
            (2, 1, 20.0, 20.0, 300), (2, 4, 60.0, 16.0, 800),
            (3, 1, 15.0, 15.0, 600), (3, 4, 25.0, 9.0, 700),
        ),
    )  # fmt: skip
    assert [row.model_id for row in rows] == [2, 3, 1]  # by size
    by_id = {row.model_id: row for row in rows}
    assert (by_id[1].output_tok_s, by_id[1].user_tok_s, by_id[1].rss_peak_bytes) == (30.0, 10.0, 500)
    assert by_id[2].ranks == {"file_bytes": 1, "output_tok_s": 1, "user_tok_s": 1, "rss_peak_bytes": 1, "bits_per_byte": 3}
    assert by_id[3].ranks == {"file_bytes": 2, "output_tok_s": 3, "user_tok_s": 2, "rss_peak_bytes": 3, "bits_per_byte": 2}
    # 3 is worse than 2 in all but quality, and than 1 in output, memory and quality, but smaller: none beats it in everything
    assert [by_id[number].is_unbeaten for number in (1, 2, 3)] == [True, True, True]


def test_a_model_that_another_beats_in_everything_is_told():
    models = [model(1, 100, 1.0), model(2, 200, 1.0)]
    one, two = rank_models(models, *session((1, 1, 20.0, 20.0, 300), (2, 1, 10.0, 10.0, 300)))
    assert (one.is_unbeaten, two.is_unbeaten) == (True, False)
    assert one.ranks["bits_per_byte"] == two.ranks["bits_per_byte"] == one.ranks["rss_peak_bytes"] == 1  # ties share a place


def test_two_that_tie_in_everything_are_both_unbeaten():
    rows = rank_models([model(1, 100), model(2, 100)], *session((1, 1, 9.0, 9.0, 3), (2, 1, 9.0, 9.0, 3)))
    assert [row.is_unbeaten for row in rows] == [True, True]


def test_what_was_not_measured_decides_nothing():
    # the second has no quality: it loses in all that both have
    models = [model(1, 100, 1.0), model(2, 200), model(3, 50)]
    cells, figures = session((1, 1, 20.0, 20.0, 300), (2, 1, 10.0, 10.0, 300))
    cells.append(CellRecord(3, 3, {"concurrency": 1}))  # failed
    rows = {row.model_id: row for row in rank_models(models, cells, {**figures, 3: None})}
    assert rows[2].is_unbeaten is False
    assert rows[2].bits_per_byte is None
    assert "bits_per_byte" not in rows[2].ranks
    assert (rows[3].output_tok_s, rows[3].is_unbeaten, rows[3].ranks) == (None, None, {"file_bytes": 1})
    assert rows[1].is_unbeaten is True  # the smaller one that never ran does not beat it


def test_speed_alone_and_memory_are_those_of_the_lowest_concurrency_of_all():
    models = [model(1, 100), model(2, 200)]
    rows = rank_models(models, *session((1, 2, 20.0, 11.0, 300), (2, 1, 10.0, 10.0, 250)))
    assert (rows[0].user_tok_s, rows[0].rss_peak_bytes, rows[0].output_tok_s) == (None, None, 20.0)
    assert (rows[1].user_tok_s, rows[1].rss_peak_bytes) == (10.0, 250)


@pytest.mark.parametrize("other", [{"text_sha256": "ef" * 32}, {"ctx_size": 256}])
def test_quality_on_another_text_is_shown_but_not_ranked(other):
    models = [model(1, 100, 1.0), model(2, 200, 0.5, **other)]
    one, two = rank_models(models, *session((1, 1, 20.0, 20.0, 300), (2, 1, 10.0, 10.0, 300)))
    assert two.bits_per_byte == 0.5
    assert "bits_per_byte" not in one.ranks
    assert two.is_unbeaten is False


def test_a_session_without_runs_has_rows_without_figures():
    (row,) = rank_models([model(1, 100)], [], {})
    assert (row.output_tok_s, row.user_tok_s, row.rss_peak_bytes, row.is_unbeaten) == (None, None, None, None)
