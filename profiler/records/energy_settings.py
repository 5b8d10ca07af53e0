"""What the user tells of energy: its price, and what a meter at the wall showed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnergyPrice:
    """A price for a kilowatt-hour.

    Attributes:
        currency: as the user writes it ("EUR", "$"); never converted.
    """

    per_kwh: float
    currency: str = ""


@dataclass(frozen=True, slots=True)
class WallCalibration:
    """How what a meter at the wall shows follows from the machine's own meters: `rest_watts + factor × metered`.

    Attributes:
        meters: those that were added up; for others it does not hold.
        factor: watts at the wall for each metered one, losses of the power supply and what works along included.
        rest_watts: drawn by what no meter counts, whatever runs.
        made_utc: when it was entered.
    """

    meters: tuple[str, ...]
    factor: float
    rest_watts: float = 0.0
    made_utc: str = ""
