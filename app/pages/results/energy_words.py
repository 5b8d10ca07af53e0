"""A cell's energy in the rows and sentences of its card. Pure: no widget is touched."""

from app.widgets.fact_rows import Fact
from profiler.analysis import energy
from profiler.analysis.energy import Joules
from profiler.analysis.energy_account import Account, CellEnergy
from profiler.exchange.session_energy import interval_words
from profiler.records.energy_settings import EnergyPrice
from profiler.units import significant

NO_PRICE = "give a price in Preferences"

_SAMPLING = (
    "± is the sampling error: how far readings that come now and then may be off, 95 %. The meter's own error is its maker's."
)


def facts(cell: CellEnergy, price: EnergyPrice | None) -> list[Fact]:
    """Power, joules by what they were for, speed per watt and cost."""
    rows = [
        Fact("Power, mean", _words(cell.gross.watts, "W"), term=f"all that the meters counted. {_SAMPLING}"),
        *_account("", cell.gross, "all that the meters counted"),
    ]
    if cell.net is not None:
        rows += _account(", above rest", cell.net, "less what the meters showed at rest, before the sweep")
    else:
        rows.append(Fact("Above rest", "not available", term="The meters were not read at rest before this session."))
    rows.append(
        Fact(
            "Speed per watt",
            _words(cell.tokens_per_joule, "tok/J"),
            term="output tokens a joule, the same as tok/s for each watt",
        )
    )
    if cell.wall is not None:
        rows.append(Fact("Power at the wall", _words(cell.wall.watts, "W"), term="from the calibration below"))
        rows += _account(", at the wall", cell.wall, "from the calibration below")
    where = "as drawn at the wall" if cell.wall is not None else "of what these meters counted, not of the whole machine"
    rows += [
        Fact(label, _cost(joules, price), term=f"{where}, idle draw included. {_SAMPLING}")
        for label, joules in (
            ("A million output tokens", cell.costed.per_output_token),
            ("A million tokens, prompts too", cell.costed.per_token),
        )
        if joules is not None
    ]
    return rows


def meters_sentence(cell: CellEnergy) -> str:
    """Which meters these are."""
    idle = "what they show at rest is not known" if cell.idle_watts is None else f"at rest {significant(cell.idle_watts)} W"
    several = "these meters" if len(cell.meters) > 1 else "this meter"
    scope = "" if cell.wall is not None else f" What {several} cannot see, such as the rest of the machine, is not counted."
    return f"Meters added up: {', '.join(cell.meters)} ({idle}).{scope}"


def _account(suffix: str, account: Account, term: str) -> list[Fact]:
    told = (
        (f"Output token{suffix}", account.per_output_token, "J/tok"),
        (f"Request{suffix}", account.per_request, "J/req"),
    )
    return [Fact(label, _words(joules, unit), term=f"{term}. {_SAMPLING}") for label, joules, unit in told if joules is not None]


def _cost(per_token: Joules, price: EnergyPrice | None) -> str:
    if price is None:
        return NO_PRICE
    return _words(energy.cost_per_million_tokens(per_token, price.per_kwh), price.currency)


def _words(value: Joules | None, unit: str) -> str:
    return "not available" if value is None else f"{interval_words(value)} {unit}".strip()
