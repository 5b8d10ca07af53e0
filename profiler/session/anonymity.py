"""Which words of a session say whose it is, and what stands in their place in a copy that is given away.

Taken out: names and paths of model files, of texts, importance matrices and traces; hashes, by which a file could be recognised
(another stands for each, so that what was one file stays one); the title, the notes and the labels; the engine's log; this
computer's name and any folder in a sentence. Kept: all measurements and settings, architecture, sizes and types of the models,
the machine's hardware and software, and the names of classes of requests.
"""

import hashlib
import json
import platform
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Self

REMOVED = "(removed)"
SAMPLE = "sample"
"""What a plan calls the model that ships: nobody's name."""

_FOLDER = re.compile(
    r"(?<![\w./\\])(?:~|[A-Za-z]:)?(?!/(?:sys|proc|dev)/)(?:/[^\s/:;,\"'()<>|]+)+/[^\s:;,\"'()<>|]*"  # /home/me/x, ~/x/y, C:/x/y
    r"|(?<!\w)(?:[A-Za-z]:|\\)(?:\\[^\s\\/:;,\"'()<>|]+)+"  # C:\x\y, \\server\x
    r"|(?<!\w)~/[^\s:;,\"'()<>|]+"
)
_PATHS_OF_A_PLAN = (("models", "imatrix", "matrix"), ("models", "quality_text", "text"), ("load", "trace", "trace"))


@dataclass(slots=True)
class Anonymity:
    """The words to take out of one session and what stands for each; made by `of`.

    Attributes:
        words: each private word with what stands for it.
    """

    words: dict[str, str] = field(default_factory=dict)
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _any_word: re.Pattern[str] | None = None

    @classmethod
    def of(
        cls,
        models: Sequence[Mapping[str, Any]],
        cell_models: Iterable[tuple[str | None, int | None]],
        specifications: Iterable[str],
        plan: str,
    ) -> Self:
        """Collect the private words of a session.

        Args:
            models: rows of table model.
            cell_models: what its cells call their models, each once, and the number of that model where it is known.
            specifications: of its runs, as JSON.
            plan: its document, as JSON.
        """
        self = cls()
        names: dict[str, str] = {}
        for model in models:
            number = names.setdefault(str(model["name"]), f"model {len(names) + 1}")
            self._add_path(model["path"], f"{number}.gguf", number)
            self._add(model["name"], number)
            for column, word in (
                ("source_name", f"source of {number}"),
                ("imatrix_name", "imatrix"),
                ("quality_text_name", "text"),
            ):
                self._add_path(model[column], word, word)
            self._add_path(model["quality_base_name"], "base", "base")
        numbers = {model["model_id"]: names[str(model["name"])] for model in models}
        taken: set[str] = set()
        for name, model_id in cell_models:
            if name in (None, SAMPLE):
                continue
            # What told cells apart still does: two labels never become one.
            number = numbers.get(model_id, "")
            if not number or number in taken:
                number = f"model {len(names) + 1}"
                names[f"label {name}"] = number
            taken.add(number)
            self.words[str(name).casefold()] = number
        traces = 0
        for document in (_document(text) for text in specifications):
            self._add_path(_at(document, "model", "path"), "model.gguf", "model")
            for each in _at(document, "load", "classes") or []:
                if trace := _at(each, "trace", "path"):
                    traces += trace not in self.words
                    self._add_path(trace, f"trace {max(traces, 1)}", f"trace {max(traces, 1)}")
        planned = _document(plan)
        for path in _at(planned, "models", "paths") or []:
            if path != SAMPLE:
                self._add_path(path, "model.gguf", "model")
        for section, name, word in _PATHS_OF_A_PLAN:
            self._add_path(_at(planned, section, name), word, word)
        for each in _at(planned, "load", "classes") or []:
            self._add_path(_at(each, "trace"), "trace", "trace")
        self._add(platform.node(), "this computer")
        self._any_word = _pattern(self.words)
        return self

    def row(self, table: str, row: dict[str, Any]) -> dict[str, Any] | None:
        """A row of a table as it is given away, None when it is not."""
        scrubbed = getattr(self, f"_{table}", None)
        return row if scrubbed is None else scrubbed(row)

    def sentence(self, text: str) -> str:
        """A text for people, without private words and without folders."""
        if self._any_word is not None:
            text = self._any_word.sub(lambda found: self.words.get(found.group().casefold(), REMOVED), text)
        return _FOLDER.sub(lambda found: REMOVED + "." * found.group().endswith("."), text)

    def hash_of(self, content: str | None) -> str | None:
        """What stands for a file's hash in this copy: the same for the same, and not to be traced back."""
        return content and hashlib.sha256(self._secret + content.encode(errors="replace")).hexdigest()

    def name_of(self, name: str | None) -> str | None:
        """What stands for a name or a path; a name of nothing that is known is removed."""
        return name if name in (None, "", SAMPLE) else self.words.get(str(name).casefold(), REMOVED)

    def _add(self, word: object, stands_for: str) -> None:
        if isinstance(word, str) and word.strip():
            self.words.setdefault(word.casefold(), stands_for)

    def _add_path(self, path: object, file_name: str, stem: str) -> None:
        """A path with its file's name, and that without its ending; of either system."""
        if not isinstance(path, str):
            return
        self._add(path, file_name)
        for kind in (PurePosixPath, PureWindowsPath):
            self._add(kind(path).name, file_name)
            self._add(kind(path).stem, stem)

    def _meta(self, row: dict[str, Any]) -> dict[str, Any] | None:
        match row["key"]:
            case "title" | "notes":
                return {**row, "value": ""}
            case "plan":
                return {**row, "value": self._plan(row["value"])}
            case "machine":
                return {**row, "value": json.dumps(self._values(_document(row["value"])))}
            case "created_utc" | "app_version" | "percentile_method" | "idle_power":
                return row
        return None  # of whatever wrote it, it is not known what stands there

    def _plan(self, text: str) -> str:
        plan = _document(text)
        if "title" in plan:
            plan["title"] = ""
        if paths := _at(plan, "models", "paths"):
            plan["models"]["paths"] = [path if path == SAMPLE else self.name_of(path) for path in paths]
        for section, name, _ in _PATHS_OF_A_PLAN:
            if _at(plan, section, name):
                plan[section][name] = self.name_of(plan[section][name])
        for each in _at(plan, "load", "classes") or []:
            if _at(each, "trace"):
                each["trace"] = self.name_of(each["trace"])
        return json.dumps(plan)

    def _tag(self, row: dict[str, Any]) -> None:
        return None

    def _model(self, row: dict[str, Any]) -> dict[str, Any]:
        kept = dict(row)
        for column in ("name", "path", "source_name", "imatrix_name", "quality_text_name", "quality_base_name"):
            kept[column] = self.name_of(row[column])
        for column in ("sha256", "quality_text_sha256", "quality_base_sha256"):
            kept[column] = self.hash_of(row[column])
        return kept

    def _cell(self, row: dict[str, Any]) -> dict[str, Any]:
        configuration = _document(row["configuration"])
        if isinstance(configuration.get("model"), str):
            configuration["model"] = self.name_of(configuration["model"])
        return {
            **row,
            "reason": self.sentence(row["reason"]),
            "configuration": json.dumps(configuration),
            "model": self.name_of(row["model"]) if isinstance(row["model"], str) else row["model"],
        }

    def _run(self, row: dict[str, Any]) -> dict[str, Any]:
        specification = _document(row["specification"])
        if path := _at(specification, "model", "path"):
            specification["model"]["path"] = self.name_of(path)
        for each in _at(specification, "load", "classes") or []:
            if trace := _at(each, "trace"):
                trace["path"], trace["sha256"] = self.name_of(trace["path"]), self.hash_of(trace["sha256"])
        return {
            **row,
            "reason": self.sentence(row["reason"]),
            "flags": json.dumps(self._values(json.loads(row["flags"]))),
            "specification": json.dumps(specification),
            "log_tail": "[]",
        }

    def _event(self, row: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(self._values(json.loads(row["data"])))
        return {**row, "sentence": self.sentence(row["sentence"]), "data": data}

    def _values(self, value: Any) -> Any:
        """A JSON value with each text in it as `sentence` leaves it; keys stay."""
        match value:
            case str():
                return self.sentence(value)
            case list():
                return [self._values(item) for item in value]
            case dict():
                return {key: self._values(item) for key, item in value.items()}
        return value


def _pattern(words: Mapping[str, str]) -> re.Pattern[str] | None:
    """Any of the words where it stands alone, the longest first."""
    if not words:
        return None
    alternatives = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)


def _document(text: str) -> dict[str, Any]:
    """A JSON object; empty where the text is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _at(document: Any, *keys: str) -> Any:
    """The value under these keys, None where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
