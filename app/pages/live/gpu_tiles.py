"""The tiles of one GPU: its memory, how busy it is at which clock, and what power it draws at which temperature."""

from app.widgets.sentence import Tone
from app.widgets.tile import Tile
from profiler.analysis.gpu_readings import GpuNow
from profiler.records import gpu_channel
from profiler.units import bytes_text

_UNKNOWN = "–"
_NOT_TOLD = "the driver does not tell"

Shown = tuple[str, str, str, Tone]
"""Figure, unit, context and its tone."""


class GpuTiles:
    """Three tiles. What a tile shows is given back by `words`, so that whoever holds the tiles shows it.

    Args:
        device: as its channels begin ("gpu0").
    """

    def __init__(self, device: str) -> None:
        maker, name = gpu_channel.maker(device), gpu_channel.device_words(device)
        self.memory = Tile(f"{name} memory", "the GPU's own memory in use by all programs; below it the engine's part")
        self.busy = Tile(f"{name} {maker.busy_word} · clock", f"{maker.name}: {maker.busy_term}; clock of its cores")
        self.power = Tile(
            f"{name} power · heat",
            f"{maker.name}: {maker.power_term}; temperature of the chip. Meters of different makers are not to be compared",
        )

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """In reading order."""
        return self.memory, self.busy, self.power

    def words(self, now: GpuNow) -> dict[Tile, Shown]:
        """What each tile has to show; a tile of which nothing is told says so."""
        return {self.memory: self._memory(now), self.busy: self._busy(now), self.power: self._power(now)}

    @staticmethod
    def _memory(now: GpuNow) -> Shown:
        if now.used_bytes is None and now.engine_bytes is None:
            return _UNKNOWN, "", _NOT_TOLD, "muted"
        engine = "the engine's part is not told" if now.engine_bytes is None else f"engine {bytes_text(now.engine_bytes)}"
        if now.used_bytes is None:
            return _UNKNOWN, "", engine, "muted"
        figure, unit = bytes_text(now.used_bytes).split(" ")
        return figure, unit, engine, "muted"

    @staticmethod
    def _busy(now: GpuNow) -> Shown:
        memory_clock = f"memory {now.memory_clock_mhz / 1000:.2f} GHz" if now.memory_clock_mhz is not None else ""
        tone: Tone = "caution" if now.is_slowed else "muted"
        context = "slows itself down" if now.is_slowed else memory_clock
        clock = None if now.clock_mhz is None else f"{now.clock_mhz / 1000:.2f}"
        figure, unit = _pair((_whole(now.busy_percent), "%"), (clock, "GHz"))
        return figure, unit, context, tone

    @staticmethod
    def _power(now: GpuNow) -> Shown:
        figure, unit = _pair((_whole(now.power_watts), "W"), (_whole(now.temperature_celsius), "°C"))
        if now.power_watts is None:
            return figure, unit, "no power meter", "muted"
        return figure, unit, "power of the whole chip" if now.is_whole_chip else "", "muted"


def _whole(value: float | None) -> str | None:
    return None if value is None else f"{value:.0f}"


def _pair(*told: tuple[str | None, str]) -> tuple[str, str]:
    """Figures beside each other with their units beside each other; "–" in place of one that is not told."""
    if all(figure is None for figure, _ in told):
        return _UNKNOWN, ""
    return " · ".join(figure or _UNKNOWN for figure, _ in told), " · ".join(unit for _, unit in told)
