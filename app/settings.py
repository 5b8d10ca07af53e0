"""What the window remembers between starts: a typed face of an INI file. A value that makes no sense counts as absent."""

import json
import math
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from app.theme import THEME_CHOICES, ThemeChoice
from profiler import paths
from profiler.records.energy_settings import EnergyPrice

_RECENT_LIMIT = 10


class Settings:
    """Reads and writes the window's INI file.

    Args:
        file: another file than the user's own, for tests.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._store = QSettings(str(file or paths.settings_file()), QSettings.Format.IniFormat)

    @property
    def theme(self) -> ThemeChoice:
        """The theme the user chose."""
        stored = self._text("window/theme")
        return next((choice for choice in THEME_CHOICES if choice == stored), "system")

    @theme.setter
    def theme(self, choice: ThemeChoice) -> None:
        self._store.setValue("window/theme", choice)

    @property
    def geometry(self) -> QByteArray:
        """The window's place and size as Qt saved them, empty at the first start."""
        value = self._store.value("window/geometry")
        return value if isinstance(value, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("window/geometry", value)

    @property
    def last_page(self) -> str:
        """The title of the page that was shown last, empty at the first start."""
        return self._text("window/page")

    @last_page.setter
    def last_page(self, title: str) -> None:
        self._store.setValue("window/page", title)

    @property
    def quiet(self) -> bool:
        """Whether the live page draws between runs only, so that watching costs nothing."""
        return self._text("live/quiet") == "yes"

    @quiet.setter
    def quiet(self, value: bool) -> None:
        self._store.setValue("live/quiet", "yes" if value else "no")

    @property
    def energy_price(self) -> EnergyPrice | None:
        """What a kilowatt-hour costs here; None until the user gives it."""
        try:
            per_kwh = float(self._text("energy/price_per_kwh"))
        except ValueError:
            return None
        return EnergyPrice(per_kwh, self._text("energy/currency")) if 0 <= per_kwh < math.inf else None

    @energy_price.setter
    def energy_price(self, price: EnergyPrice | None) -> None:
        self._store.setValue("energy/price_per_kwh", "" if price is None else repr(price.per_kwh))
        self._store.setValue("energy/currency", "" if price is None else price.currency)

    @property
    def sessions_folder(self) -> Path:
        """Where sessions made in the window go."""
        stored = self._text("folders/sessions")
        return Path(stored) if stored else paths.sessions_folder()

    @sessions_folder.setter
    def sessions_folder(self, folder: Path) -> None:
        self._store.setValue("folders/sessions", str(folder))

    @property
    def library_folders(self) -> tuple[Path, ...]:
        """Folders with models beside those that are known anyway."""
        return tuple(Path(item) for item in self._texts("folders/library"))

    @library_folders.setter
    def library_folders(self, folders: tuple[Path, ...]) -> None:
        self._put("folders/library", [str(folder) for folder in folders])

    @property
    def run_folders(self) -> tuple[Path, ...]:
        """Folders that the library of runs watches beside the one where sessions go."""
        return tuple(Path(item) for item in self._texts("folders/runs"))

    @run_folders.setter
    def run_folders(self, folders: tuple[Path, ...]) -> None:
        self._put("folders/runs", [str(folder) for folder in folders])

    @property
    def watched_folders(self) -> tuple[Path, ...]:
        """All that the library of runs watches, that for new sessions first."""
        return tuple(dict.fromkeys((self.sessions_folder, *self.run_folders)))

    @property
    def baseline(self) -> Path | None:
        """The session that comparisons begin with; None while none is pinned, and where its file is gone."""
        stored = self._text("compare/baseline")
        return Path(stored) if stored and Path(stored).is_file() else None

    @baseline.setter
    def baseline(self, path: Path | None) -> None:
        self._store.setValue("compare/baseline", "" if path is None else str(path))

    @property
    def recent_sessions(self) -> tuple[Path, ...]:
        """Sessions opened or made lately, the last one first; files that are gone are left out."""
        return tuple(path for path in map(Path, self._texts("recent/sessions")) if path.is_file())

    def add_recent_session(self, path: Path) -> None:
        """Put `path` first among the recent sessions."""
        others = [str(known) for known in self.recent_sessions if known != path]
        self._put("recent/sessions", [str(path), *others][:_RECENT_LIMIT])

    def forget_recent_sessions(self) -> None:
        """Empty the list of recent sessions."""
        self._store.remove("recent/sessions")

    @property
    def last_plan(self) -> dict[str, Any] | None:
        """The plan document that was on the Plan page last (`Plan.from_document` reads it); None at the first start."""
        value = self._json("plan/last")
        return value if isinstance(value, dict) else None

    @last_plan.setter
    def last_plan(self, document: dict[str, Any]) -> None:
        self._put("plan/last", document)

    def save(self) -> None:
        """Write everything now; an unwritable file is not worth a word, since nothing measured is in it."""
        self._store.sync()

    def _text(self, key: str) -> str:
        value = self._store.value(key, "")
        return value if isinstance(value, str) else ""

    def _texts(self, key: str) -> list[str]:
        value = self._json(key)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def _json(self, key: str) -> object:
        # JSON, since an INI list of one string comes back as a string.
        try:
            return json.loads(self._text(key) or "null")
        except ValueError:
            return None

    def _put(self, key: str, value: object) -> None:
        self._store.setValue(key, json.dumps(value))
