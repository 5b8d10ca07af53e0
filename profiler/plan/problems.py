"""What is wrong with a document that is no plan, in plain words."""

from pydantic import ValidationError

_PLAIN_WORDS = {
    "extra_forbidden": "is not a field of the plan",
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is not a number",
    "float_type": "is not a number",
    "finite_number": "is not a number",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt:g}",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
}
"""What is wrong, by pydantic's type of error; its own words where none stand here."""


_LONGEST_NAME, _LONGEST_TEXT = 40, 300  # a stranger's file may hold names of any length


def problems(error: ValidationError) -> list[tuple[str, str]]:
    """Each wrong field with what is wrong: ("load.concurrency", "…"); the name is empty for a matter of the whole plan."""
    found: dict[str, str] = {}
    for item in error.errors(include_url=False):
        path = ".".join(_told(str(part)) for part in item["loc"] if not isinstance(part, int))
        text = _PLAIN_WORDS.get(item["type"], "").format(**item.get("ctx", {})) or item["msg"].removeprefix("Value error, ")
        text = text if len(text) < _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
        given = "" if item["type"] in ("extra_forbidden", "value_error") else f" (given: {str(item['input'])[:60]})"
        found.setdefault(path, text[0].lower() + text[1:] + given)
    return list(found.items())


def _told(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
