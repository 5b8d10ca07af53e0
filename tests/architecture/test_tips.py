"""A tip is either our own words or goes through `plain_tip`: Qt reads tips as markup, and names come from strangers."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def is_own(node: ast.expr) -> bool:
    """Literals, constants of the module, and what already is a tip."""
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name.lstrip("_").isupper() or name in ("tip", "words")
        case ast.IfExp(body=body, orelse=orelse):
            return is_own(body) and is_own(orelse)
        case ast.JoinedStr(values=values):
            return all(isinstance(each, ast.Constant) or is_own(each.value) for each in values)
        case ast.Call(func=ast.Name(id="plain_tip")) | ast.Call(func=ast.Attribute(attr="toolTip")):
            return True
        case ast.Attribute(attr="about"):  # a shipped plan's
            return True
    return False


def test_tips_are_own_words_or_plain():
    found = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_tip = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setToolTip"
            if is_tip and not all(is_own(each) for each in node.args):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []
