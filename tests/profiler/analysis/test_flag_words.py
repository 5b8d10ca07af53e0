from profiler.analysis.flag_words import told_once


def test_each_kind_is_told_once_with_how_many_differ():
    flags = [
        "short window: 2 s.",
        "fits in cache: 152 MB.",
        "short window: 2 s.",
        "fits in cache: 148 MB.",
        "fits in cache: 149 MB.",
    ]
    assert told_once(flags) == ("short window: 2 s.", "fits in cache: 152 MB. (2 more such)")


def test_a_side_before_the_name_tells_kinds_apart():
    flags = ["base: swapped: 2 MB.", "other: swapped: 3 MB.", "other: swapped: 4 MB."]
    assert told_once(flags, parts=2) == ("base: swapped: 2 MB.", "other: swapped: 3 MB. (1 more such)")
    assert told_once([]) == ()
