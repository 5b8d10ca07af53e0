"""The classes of a mix in the form: a line for each with what is most often changed, its other fields in words under it."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.pages.plan.form_card import as_sentence
from app.widgets.axis_field import AxisField
from app.widgets.flow_layout import FlowLayout
from app.widgets.sentence import Sentence, set_tone
from profiler.plan.load_words import class_arrivals_in_words
from profiler.plan.plan import Load, RequestMix
from profiler.plan.problems import problems
from profiler.plan.words import limits_in_words, listed

_NAME_PX, _COUNT_PX, _LENGTH_PX = 140, 52, 96


def mix_of(load: Load) -> tuple[RequestMix, RequestMix]:
    """The load's own requests as the first class of a mix, the first value of each axis, and a second one to be changed."""
    fields: dict[str, Any] = {}
    for name in RequestMix.model_fields:
        value = getattr(load, name, None)
        fields[name] = value[0] if isinstance(value, tuple) else value
    fields |= {"name": "first kind", "users": (load.concurrency or (1,))[0], "start": 0.0, "slo": ""}
    first = RequestMix.model_validate({name: value for name, value in fields.items() if value is not None})
    return first, RequestMix(name="second kind", prompt_tokens=first.prompt_tokens, output_tokens=first.output_tokens)


class _ClassLine(QWidget):
    """One class.

    Signals:
        edited: the person changed something.
        removed: this class is not wanted any more.
    """

    edited = Signal()
    removed = Signal()

    def __init__(self, each: RequestMix, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._class = each
        self._count_name = "users" if each.arrival == "closed" else "rate" if each.rate is not None else ""
        self.name = QLineEdit(each.name)
        self.name.setFixedWidth(_NAME_PX)
        self.name.setAccessibleName("Name of a kind of request")
        count = {"users": each.users, "rate": f"{each.rate or 0:.15g}"}.get(self._count_name, "")
        self.count = _field(_COUNT_PX, count, f"{self._count_name.capitalize()}: {each.name}")
        self.prompt = _field(_LENGTH_PX, each.prompt_tokens, f"Prompt tokens: {each.name}")
        self.output = _field(_LENGTH_PX, each.output_tokens, f"Answer tokens: {each.name}")
        self.remove = QPushButton("Remove")
        self.remove.setProperty("look", "link")
        self.remove.setAccessibleName(f"Remove {each.name}")
        self.remove.clicked.connect(self.removed)
        line = QWidget()
        flow = FlowLayout(line, spacing_px=6)
        who: list[QWidget | str] = [self.name]
        if self._count_name:
            who += [self.count, "users ·" if self._count_name == "users" else "a second ·"]
        # Each group stays together where the line wraps.
        flow.addWidget(_together(*who))
        flow.addWidget(_together(self.prompt, "→", self.output, "tokens", self.remove))
        for field in (self.name, self.count, self.prompt, self.output):
            field.textEdited.connect(self.edited)
        self._problem = Sentence(role="small")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(line)
        layout.addWidget(Sentence(_in_words(each), "muted", "small"))
        layout.addWidget(self._problem)
        self.tell_problem()

    def document(self) -> dict[str, Any]:
        """The class as it is typed."""
        document = self._class.model_dump(mode="json", exclude_none=True)
        document |= {
            "name": self.name.text().strip(),
            "prompt_tokens": self.prompt.text().strip(),
            "output_tokens": self.output.text().strip(),
        }
        if self._count_name:
            document[self._count_name] = self.count.text().strip()
        return document

    def tell_problem(self) -> None:
        """Tell what is wrong with this class, under its line."""
        found: list[tuple[str, str]] = []
        try:
            RequestMix.model_validate(self.document())
        except ValidationError as error:
            found = problems(error)
        words = [as_sentence(f"{name.replace('_', ' ')} {text}".strip().replace("load.", "")) for name, text in found]
        self._problem.show_text(" ".join(words), "broken")
        self._problem.setVisible(bool(found))
        wrong = {name for name, _ in found}
        fields = {"name": self.name, self._count_name: self.count, "prompt_tokens": self.prompt, "output_tokens": self.output}
        for name, field in fields.items():
            set_tone(field, "broken" if name in wrong else "plain")

    @property
    def problem(self) -> str:
        """What is wrong, empty when nothing is."""
        return self._problem.accessibleName()


class MixRows(QWidget):
    """All classes of a mix.

    Signals:
        edited: the person changed, added or removed something.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[_ClassLine] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self.setAccessibleName("Kinds of requests")

    @property
    def lines(self) -> list[_ClassLine]:
        """A line for each class."""
        return self._lines

    def show_classes(self, classes: Sequence[RequestMix]) -> None:
        """Show these classes instead."""
        for line in self._lines:
            self._layout.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._lines = []
        for each in classes:
            self._append(each)

    def add_class(self) -> None:
        """One more, to be changed."""
        taken = {line.name.text().strip() for line in self._lines}
        number = next(number for number in range(2, len(taken) + 4) if f"kind {number}" not in taken)
        self._append(RequestMix(name=f"kind {number}"))
        self.edited.emit()

    def document(self) -> list[dict[str, Any]]:
        """The classes as they are typed."""
        return [line.document() for line in self._lines]

    def _append(self, each: RequestMix) -> None:
        line = _ClassLine(each, self)
        line.edited.connect(self._on_edited)
        line.removed.connect(self._on_removed)
        self._lines.append(line)
        self._layout.addWidget(line)
        self._follow_count()

    def _follow_count(self) -> None:
        """The last one cannot be removed: a mix has at least one class."""
        for line in self._lines:
            line.remove.setVisible(len(self._lines) > 1)

    @Slot()
    def _on_edited(self) -> None:
        for line in self._lines:
            line.tell_problem()
        self.edited.emit()

    @Slot()
    def _on_removed(self) -> None:
        line = self.sender()
        assert isinstance(line, _ClassLine)
        self._lines.remove(line)
        self._layout.removeWidget(line)
        line.hide()
        line.deleteLater()
        self._follow_count()
        self.edited.emit()


def _field(width_px: int, value: object, name: str) -> AxisField:
    field = AxisField(width_px)
    field.setText(str(value))
    field.setAccessibleName(name)
    return field


def _together(*parts: QWidget | str) -> QWidget:
    group = QWidget()
    layout = QHBoxLayout(group)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    for part in parts:
        if isinstance(part, str):
            label = QLabel(part)
            set_tone(label, "muted")
            layout.addWidget(label)
        else:
            layout.addWidget(part)
    return group


def _in_words(each: RequestMix) -> str:
    """What the fields do not say."""
    limits = limits_in_words(each.slo)
    return class_arrivals_in_words(each) + (f"; {listed(limits)}".replace("**", "") if limits else "")
