"""What to know before Start: what is wrong, what will be greyed, what is measured first."""

from collections.abc import Sequence

from app.pages.plan.outlook import Note
from app.widgets.card import Card
from app.widgets.sentence import Sentence


class NotesCard(Card):
    """A short list of sentences, each with its mark; hidden while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__("Before you start")
        self._sentences: list[Sentence] = []

    def show_notes(self, notes: Sequence[Note]) -> None:
        """Show these."""
        while len(self._sentences) < len(notes):
            sentence = Sentence()
            self._sentences.append(sentence)
            self.body.addWidget(sentence)
        for sentence, note in zip(self._sentences, notes, strict=False):
            sentence.show_text(note.sentence, note.tone)
        for number, sentence in enumerate(self._sentences):
            sentence.setVisible(number < len(notes))
        self.setVisible(bool(notes))

    @property
    def words(self) -> list[str]:
        """What is shown."""
        return [sentence.accessibleName() for sentence in self._sentences if sentence.isVisibleTo(self)]
