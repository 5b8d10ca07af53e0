"""Text in HTML and SVG: whatever a file holds is shown as text, never read as markup."""

import html
import re

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
"""Control characters, which XML forbids; marks that turn the direction of what stands around them; halves of characters."""

_STRONG = re.compile(r"\*\*(.+?)\*\*")


def shown(text: object) -> str:
    """The text with a replacement character in place of what is no text."""
    return _UNSEEN.sub("\ufffd", str(text))


def escaped(text: object) -> str:
    """The text for an element's content or an attribute between double quotes."""
    return html.escape(shown(text), quote=True)


def sentence(text: object) -> str:
    """The same with words between double asterisks strong."""
    return _STRONG.sub(r"<strong>\1</strong>", escaped(text))


def plain(text: str) -> str:
    """A sentence without the asterisks of its strong words."""
    return _STRONG.sub(r"\1", text)
