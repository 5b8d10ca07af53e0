import pytest

from profiler.errors import UnusableArguments
from profiler.exchange.markdown_export import escaped, export_markdown, figure_text, markdown
from profiler.exchange.session_document import session_document
from profiler.session.reader import SessionReader
from profiler.session.writer import SessionWriter
from tests.helpers.golden import assert_golden
from tests.helpers.metered_session import write_metered_session
from tests.helpers.written_session import write_session


def document_of(path):
    with SessionReader.open(path) as reader:
        return session_document(reader)


def test_golden(session_file):
    assert_golden(markdown(document_of(session_file)), "known.md", ignored=("date", "version"))


def test_golden_of_a_sweep(tmp_path):
    """Two quantizations by three numbers of users, the last cell failed: figures that were computed as a sweep computes them."""
    path = write_session(tmp_path / "sweep.inferometer")
    assert_golden(markdown(document_of(path)), "sweep.md", ignored=("date", "version"))


def test_golden_of_a_session_with_a_meter(tmp_path):
    path = write_metered_session(tmp_path / "metered.inferometer")
    assert_golden(markdown(document_of(path)), "metered.md", ignored=("date", "version"))


def test_every_row_has_the_columns_of_its_table(tmp_path):
    text = markdown(document_of(write_session(tmp_path / "a.inferometer")))
    for table in (part.splitlines() for part in text.split("\n\n") if part.startswith("|")):
        assert len({line.count("|") for line in table}) == 1
        assert set(table[1]) <= set("|-:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", "a&#124;b"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("a & b", "a &amp; b"),
        ("one\ntwo\r\n# three", "one two  &#35; three"),
        ("`x` *y* _z_ ~q~", r"&#96;x&#96; \*y\* \_z\_ \~q\~"),
        ("![x](http://evil)", r"!\[x\](http:&#47;&#47;evil)"),
        ("WWW.evil.example", "WWW&#46;evil.example"),
        ("@somebody #12", "&#64;somebody &#35;12"),
        ("\x1b[2J\u202e", "\ufffd\\[2J\ufffd"),
        ("C:\\models", "C:&#92;models"),
    ],
)
def test_text_is_shown_and_nothing_else(text, expected):
    assert escaped(text) == expected


def test_a_figure_with_its_interval_and_its_doubt():
    cell = {
        "metrics": {
            "ttft_ms": {"p50": 41.234, "p95": 102.6, "p99": None},
            "output_tok_s": 103.44,
            "rss_peak_bytes": 150e6,
            "energy_j": None,
        },
        "stated": {"ttft_ms": {"p50": True, "p95": False}},
        "intervals": {"ttft_ms.p95": [98.71, 110.2], "output_tok_s": [99.5, 106.5], "rss_peak_bytes": [149e6, 151e6]},
    }
    assert figure_text(cell, "ttft_ms", "p50") == "41.2"
    assert figure_text(cell, "ttft_ms", "p95") == "(103) [98.7, 110]"
    assert figure_text(cell, "ttft_ms", "p99") == figure_text(cell, "energy_j", "value") == "–"
    assert figure_text(cell, "output_tok_s", "value") == "103 [99.5, 106]"
    assert figure_text(cell, "rss_peak_bytes", "value") == "150 MB [149 MB, 151 MB]"


def test_no_path_is_told(tmp_path, records):
    path = tmp_path / "a.inferometer"
    with SessionWriter.create(path, plan={}, machine={}) as writer:
        writer.add_model(records.model)
        writer.add_cell(records.cell(1))
    text = markdown(document_of(path))
    assert "small.gguf" in text
    assert "/models" not in text
    assert str(tmp_path) not in text
    assert "a.inferometer" in text, "an untitled session has its file's name"


def test_an_empty_session(tmp_path):
    with SessionWriter.create(tmp_path / "a.inferometer", plan={}, machine={}, title="Nothing"):
        pass
    text = markdown(document_of(tmp_path / "a.inferometer"))
    assert text.startswith("### Nothing\n\nNothing was measured.\n\n")


def test_an_existing_target_is_kept_without_force(tmp_path, session_file):
    (tmp_path / "x.md").write_text("precious")
    with SessionReader.open(session_file) as reader:
        with pytest.raises(UnusableArguments, match="--force"):
            export_markdown(reader, tmp_path / "x.md")
        export_markdown(reader, tmp_path / "x.md", force=True)
    assert (tmp_path / "x.md").read_text(encoding="utf-8").startswith("### Known")
