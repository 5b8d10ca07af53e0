"""What a machine costs, as its user says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MachinePrice:
    """A price.

    Attributes:
        amount: above 0.
        currency: as the user writes it ("EUR", "$"); never converted.
    """

    amount: float
    currency: str = ""
