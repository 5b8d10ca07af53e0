"""Tips whose words may be a stranger's: a model's name, a file's path, a reason out of a session."""

import html


def plain_tip(text: str) -> str:
    """The text as a tip that shows it as it is; Qt reads a tip as markup where it looks like some."""
    return f"<qt>{html.escape(text, quote=False)}</qt>".replace("\n", "<br>") if "<" in text else text
