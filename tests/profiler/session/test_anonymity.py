import pytest

from profiler.session.anonymity import Anonymity

MODEL = {
    "model_id": 1,
    "name": "Zanzibar 7B",
    "path": "D:\\files\\zanzibar-7b.gguf",
    "source_name": None,
    "imatrix_name": None,
    "quality_text_name": None,
    "quality_base_name": None,
}


@pytest.fixture
def anonymity():
    return Anonymity.of([MODEL], [("zanzibar", 1)], [], "{}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ZANZIBAR 7B was slow.", "model 1 was slow."),
        ("Reading D:\\files\\zanzibar-7b.gguf failed.", "Reading model 1.gguf failed."),
        ("zanzibar-7b.gguf: no space", "model 1.gguf: no space"),
        ("Zanzibarian food", "Zanzibarian food"),
        ("/home/me/My Models/x.gguf is bad", "(removed) Models/x.gguf is bad"),
        ("see /home/me/x.txt.", "see (removed)."),
        ("C:\\Users\\me\\x, ~/x/y and \\\\server\\share\\x", "(removed), (removed) and (removed)"),
        ("/sys/class/powercap is for root only", "/sys/class/powercap is for root only"),
        ("103 tok/s, 5 GB/s, 2/3 and a/b/c", "103 tok/s, 5 GB/s, 2/3 and a/b/c"),
        ("ttft_ms.p95<=250 holds", "ttft_ms.p95<=250 holds"),
    ],
)
def test_sentences(anonymity, text, expected):
    assert anonymity.sentence(text) == expected


def test_two_labels_never_become_one():
    """Two files of one general name, told apart by their labels."""
    models = [MODEL, MODEL | {"model_id": 2, "path": "D:\\files\\other.gguf"}]
    anonymity = Anonymity.of(models, [("first", 1), ("second", 2), ("sample", None), ("lost", None)], [], "{}")
    assert [anonymity.name_of(label) for label in ("first", "second", "sample", "lost")] == [
        "model 1",
        "model 2",
        "sample",
        "model 3",
    ]


def test_a_damaged_plan_or_specification_gives_no_words():
    anonymity = Anonymity.of([], [], ["no json", "[]", '{"model": 3, "load": {"classes": [3, null]}}'], "[[[")
    assert anonymity.sentence("plain words") == "plain words"
    assert anonymity.row("tag", {"name": "customer", "value": "x"}) is None
