from profiler.exchange.markup import escaped, plain, sentence, shown


def test_what_is_no_text_is_replaced() -> None:
    assert shown("a\x00\u202eb\ud800\u2066\ufeff\x1b") == "a\ufffd\ufffdb\ufffd\ufffd\ufffd\ufffd"
    assert shown("שלום\tمرحبا\n") == "שלום\tمرحبا\n"


def test_strong_words_are_strong_and_nothing_else_is_markup() -> None:
    assert sentence('**<b>** & "x" **') == "<strong>&lt;b&gt;</strong> &amp; &quot;x&quot; **"
    assert escaped("'") == "&#x27;"
    assert plain("**a** b") == "a b"
