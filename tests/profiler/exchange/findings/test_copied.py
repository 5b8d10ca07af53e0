from profiler.exchange.findings.copied import CopiedTable, markdown_table, tab_separated
from profiler.exchange.findings.figure_words import figure_text, figure_title

TABLE = CopiedTable(
    "Output | all",
    ("Cell", "tok/s", "Best"),
    (("Q8_0\tone", 12.3456789, True), ("=1+2", None, False), ("<b>", 3, True)),
)


def test_data_has_all_digits_and_leaves_empty_what_was_not_measured() -> None:
    lines = tab_separated(TABLE).splitlines()
    assert lines == ["Cell\ttok/s\tBest", "Q8_0 one\t12.3456789\tyes", "'=1+2\t\tno", "<b>\t3\tyes"]


def test_markdown_is_escaped_and_rounded() -> None:
    lines = markdown_table(TABLE).splitlines()
    assert lines[0] == "**Output &#124; all**"
    assert lines[2:4] == ["| Cell | tok/s | Best |", "|---|---:|---|"]
    assert lines[4] == "| Q8\\_0 one | 12.3 | yes |"
    assert lines[5] == "| =1+2 | – | no |"
    assert lines[6] == "| &lt;b&gt; | 3 | yes |"


def test_figures_have_their_units() -> None:
    assert figure_title("ttft_ms.p95") == "First token p95, ms"
    assert figure_title("ttft_ms.p95", "chat") == "First token p95 of chat, ms"
    assert figure_title("rss_peak_bytes") == "Memory"
    assert figure_text("rss_peak_bytes", 98e6) == "98.0 MB"
