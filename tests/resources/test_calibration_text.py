"""The text that ships is long and mixed, and no part of it repeats another."""

import unicodedata
from collections import Counter

from profiler.models.quality_text import read_text

SCRIPTS = ("LATIN", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "ARABIC")


def test_it_is_long_enough_for_many_windows():
    text = read_text(None)
    assert len(text.content.encode()) > 50_000
    assert text.name == "calibration.txt"
    assert "\r" not in text.content


def test_it_holds_prose_code_and_several_languages():
    content = read_text(None).content
    scripts = Counter(unicodedata.name(letter, "").split()[0] for letter in content if letter.isalpha())
    assert all(scripts[name] >= 5 for name in SCRIPTS), scripts
    for sign in ("def ", "SELECT", "#include", "fn main", "<html", "User:", "| planet", " der ", " la ", "- 300 g"):
        assert sign in content, sign


def test_no_passage_repeats():
    content = read_text(None).content
    passages = Counter(content[start : start + 160] for start in range(len(content) - 160))
    assert passages.most_common(1)[0][1] == 1


def test_any_beginning_of_it_is_mixed():
    beginning = read_text(None).content[:12_000]
    for sign in ("def ", "#include", "User:", " der ", " the ", "|"):
        assert sign in beginning, sign
