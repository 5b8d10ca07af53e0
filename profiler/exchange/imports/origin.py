"""Where a session comes from, when it was imported: kept in its table meta."""

import json
from collections.abc import Mapping
from typing import Any

IMPORTED_FROM = "imported_from"
"""The key: a JSON text with tool, file, imported_utc and lacks (what the runs have not, in words)."""


def imported_tool(meta: Mapping[str, str]) -> str:
    """The tool that measured an imported session, empty for one of ours; the file may hold anything there."""
    tool = _told(meta).get("tool")
    return tool if isinstance(tool, str) else ""


def imported_words(meta: Mapping[str, str]) -> str:
    """What is to be known of an imported session, in a sentence; empty for one of ours."""
    told, tool = _told(meta), imported_tool(meta)
    if not tool:
        return ""
    lacks = [lack for lack in told.get("lacks") or () if isinstance(lack, str)] if isinstance(told.get("lacks"), list) else []
    missing = f" It has {', '.join(lacks)}." if lacks else ""
    return f"Measured by {tool}, and imported from its file {str(told.get('file'))[:200]}.{missing}"


def _told(meta: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        told = json.loads(meta.get(IMPORTED_FROM, "{}"))
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
