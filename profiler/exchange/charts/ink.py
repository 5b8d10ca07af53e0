"""Where a figure's colours come from: the page's stylesheet, so that it follows the theme, or the figure itself."""

from typing import Literal, Protocol

from resources.colors import Tokens

Role = Literal["none", "text", "muted", "grid", "line", "surface", "met", "accent", "s0", "s1", "s2", "s3"]

SERIES_ROLES: tuple[Role, ...] = ("s0", "s1", "s2", "s3")


class Ink(Protocol):
    """Gives the attributes that colour an element."""

    def paint(self, fill: Role = "none", stroke: Role = "none") -> str:
        """Attributes of one element, with a space in front."""


class PageInk:
    """Classes, which the report's stylesheet colours."""

    def paint(self, fill: Role = "none", stroke: Role = "none") -> str:
        """The two classes."""
        return f' class="f-{fill} k-{stroke}"'


class ThemeInk:
    """Colours of one theme, in the figure itself."""

    def __init__(self, colors: Tokens) -> None:
        self._colors = colors

    def paint(self, fill: Role = "none", stroke: Role = "none") -> str:
        """The two colours."""
        return f' fill="{self.color(fill)}" stroke="{self.color(stroke)}"'

    def color(self, role: Role) -> str:
        """A colour by its role."""
        if role == "none":
            return "none"
        if role in SERIES_ROLES:
            return self._colors.series[int(role[1])]
        return str(getattr(self._colors, role))


def page_rules() -> str:
    """The rules for PageInk's classes, in variables that a stylesheet sets."""
    roles = ("text", "muted", "grid", "line", "surface", "met", "accent", *SERIES_ROLES)
    fills = ".f-none{fill:none}.k-none{stroke:none}"
    return fills + "".join(f".f-{role}{{fill:var(--{role})}}.k-{role}{{stroke:var(--{role})}}" for role in roles)


def variables(colors: Tokens) -> str:
    """A theme's colours as the variables of a stylesheet."""
    names = ("ground", "surface", "raised", "line", "grid", "text", "muted", "faint", "accent", "on_accent", "met", "broken")
    told = [f"--{name.replace('_', '-')}:{getattr(colors, name)}" for name in (*names, "caution")]
    return ";".join([*told, *(f"--s{place}:{color}" for place, color in enumerate(colors.series))])
