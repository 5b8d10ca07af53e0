"""The frame of each section of the report."""


def section(name: str, title: str, content: str, *, is_long: bool = False) -> str:
    """A card with a heading; a long one may be broken between two sheets of paper."""
    kind = "card long" if is_long else "card"
    heading = f'<h2 id="{name}-title">{title}</h2>'
    return f'<section id="{name}" class="{kind}" aria-labelledby="{name}-title">{heading}{content}</section>'
