"""Student's t with any positive degrees of freedom, as Welch–Satterthwaite asks for, and the normal distribution."""

import math
from functools import lru_cache

_TINY = 1e-300
_MOST_TERMS = 500
_NEARLY_NORMAL = 1e6


def student_two_sided(t: float, degrees: float) -> float:
    """P(|T| ≥ |t|) = I(ν / (ν + t²); ν/2, 1/2): Abramowitz and Stegun, Handbook of Mathematical Functions, 26.5.27."""
    if math.isinf(t):
        return 0.0
    if degrees > _NEARLY_NORMAL:
        return math.erfc(abs(t) / math.sqrt(2))
    return _incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5)


@lru_cache(maxsize=4096)
def student_quantile(share: float, degrees: float) -> float:
    """The value that a share (0.5 up to, not including, 1) of the distribution lies below; by halving."""
    outside = 2 * (1 - share)
    low, high = 0.0, 1.0
    while student_two_sided(high, degrees) > outside:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if student_two_sided(middle, degrees) > outside:
            low = middle
        else:
            high = middle
    return high


def variance_ratio_share(ratio: float, degrees: float) -> float:
    """P(F ≥ ratio) for two variances of equal degrees of freedom: how often chance alone makes one so much the larger."""
    return _incomplete_beta(1 / (1 + ratio), degrees / 2, degrees / 2)


def normal_share(z: float) -> float:
    """P(Z ≤ z)."""
    return math.erfc(-z / math.sqrt(2)) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I(x; a, b) for 0 ≤ x ≤ 1."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side only
        return 1 - _incomplete_beta(1 - x, b, a)
    front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(front) / a * _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of NIST's Digital Library of Mathematical Functions, 8.17.22, by Lentz's method."""
    numerator, denominator = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = denominator
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            denominator = 1 / _away_from_zero(1 + term * denominator)
            numerator = _away_from_zero(1 + term / numerator)
            value *= numerator * denominator
        if abs(numerator * denominator - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
