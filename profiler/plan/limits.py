"""A need's limits as the form asks for them, to and from the plan's own text."""

from dataclasses import dataclass

from profiler.plan.slo import Limit, parse_slo

FIRST_TOKEN = "ttft_ms"
EACH_TOKEN = "tpot_ms"
READING_STATISTIC = "p95"

MOST_FIRST_TOKEN_MS = 999_999.0
LEAST_READING_TOK_S, MOST_READING_TOK_S = 0.1, 10_000.0
_MS_PER_S = 1000.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What must be kept to.

    Attributes:
        first_token_ms: most milliseconds to the first token; None asks for nothing.
        first_token_statistic: for which share of the requests ("p95").
        reading_tok_s: least tokens a second that 95 % of the requests get; None asks for nothing.
        others: further limits in the plan's own text.
    """

    first_token_ms: float | None = None
    first_token_statistic: str = "p95"
    reading_tok_s: float | None = None
    others: str = ""

    @classmethod
    def from_text(cls, text: str) -> "Limits":
        """The limits of a plan's `slo`, which is a valid one; what the form has no field for stays as it is written."""
        first_token: Limit | None = None
        speed: float | None = None
        others = []
        for part in filter(str.strip, text.split(",")):
            (limit,) = parse_slo(part)
            if first_token is None and _is_first_token(limit):
                first_token = limit
            elif speed is None and (speed_here := reading_tok_s(limit)) is not None:
                speed = speed_here
            else:
                others.append(part.strip())
        if first_token is None:
            return cls(reading_tok_s=speed, others=",".join(others))
        return cls(first_token.threshold, first_token.statistic, speed, ",".join(others))

    def to_text(self) -> str:
        """The limits as a plan's `slo`."""
        parts = []
        if self.first_token_ms is not None:
            parts.append(str(Limit(FIRST_TOKEN, self.first_token_statistic, self.first_token_ms)))
        if self.reading_tok_s is not None:
            parts.append(str(_reading_limit(self.reading_tok_s)))
        return ",".join([*parts, *(part.strip() for part in self.others.split(",") if part.strip())])


def reading_tok_s(limit: Limit) -> float | None:
    """A limit on the time of each token as a reading speed; None where it is another limit, or no speed of four digits."""
    if limit.metric != EACH_TOKEN or limit.statistic != READING_STATISTIC or limit.threshold <= 0:
        return None
    speed = float(f"{_MS_PER_S / limit.threshold:.4g}")
    fits = LEAST_READING_TOK_S <= speed <= MOST_READING_TOK_S and str(_reading_limit(speed)) == str(limit)
    return speed if fits else None


def _reading_limit(speed: float) -> Limit:
    return Limit(EACH_TOKEN, READING_STATISTIC, _MS_PER_S / speed)


def _is_first_token(limit: Limit) -> bool:
    """Whether the form's own field, with three decimals, can hold it."""
    threshold = limit.threshold
    return limit.metric == FIRST_TOKEN and 0 < threshold <= MOST_FIRST_TOKEN_MS and float(f"{threshold:g}") == round(threshold, 3)
