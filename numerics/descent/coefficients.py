"""The numbers behind the elementary functions of the fused kernel: polynomials and split constants, as data.

Every polynomial is the Chebyshev interpolant of its function on its interval, rounded to doubles, lowest power first; the
tests make it again with mpmath.  Its truncation error is below 1e-16 times the largest value of the function there.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ERFCX_CENTRE", "ERFCX_END", "HALF_PI", "LN2", "POLYNOMIALS", "SIN_LIMIT", "Polynomial"]


@dataclass(frozen=True)
class Polynomial:
    """Σ coefficients[i] z^i on low ≤ z ≤ high; `meaning` is what it approximates."""

    low: float
    high: float
    meaning: str
    coefficients: tuple[float, ...]


ERFCX_CENTRE, ERFCX_END = 3.75, 6.0  # erfc(6) < 2^-55: beyond, erf is ±1 in double precision

LN2 = (0.6931471804855391, 7.440617110012397e-11)
"""ln 2 in two parts, the first of 33 bits: its products with integers below 2^20 are exact (Cody and Waite)."""

HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)
"""π/2 in three parts, the first two of 33 bits."""

SIN_LIMIT = 1e5
"""Up to here the three parts of π/2 reduce an argument to an error below 1e-16."""

POLYNOMIALS = {
    "exp": Polynomial(
        -0.34661,
        0.34661,
        "e^z on |z| ≤ ln(2)/2",
        (
            1.0,
            1.0,
            0.5000000000000019,
            0.1666666666666668,
            0.04166666666648795,
            0.008333333333319589,
            0.0013888888952352863,
            0.00019841269890076403,
            2.4801485441561313e-05,
            2.755724088722987e-06,
            2.763265472252779e-07,
            2.5110049204818658e-08,
        ),
    ),
    "atanh": Polynomial(
        0.0,
        1 / 9,
        "artanh(√z)/√z: log(1 + u) = 2 artanh(u/(2 + u)), and u/(2 + u) ≤ 1/3 for u ≤ 1",
        (
            1.0,
            0.33333333333333076,
            0.20000000000092874,
            0.14285714272727057,
            0.11111112040373837,
            0.09090870416252403,
            0.07693307021152004,
            0.06650187016337313,
            0.06055084364034609,
            0.0416225325593041,
            0.08522081781390699,
        ),
    ),
    "sin": Polynomial(
        0.0,
        0.61747,
        "sin(√z)/√z on √z ≤ π/4",
        (
            1.0,
            -0.16666666666666616,
            0.008333333333320297,
            -0.0001984126982859984,
            2.755731335888172e-06,
            -2.5050714198795763e-08,
            1.5894573136298841e-10,
        ),
    ),
    "cos": Polynomial(
        0.0,
        0.61747,
        "cos √z on √z ≤ π/4",
        (
            1.0,
            -0.5,
            0.04166666666666645,
            -0.0013888888888860956,
            2.4801587283810357e-05,
            -2.7557313079436857e-07,
            2.087558003775504e-09,
            -1.1353262834133352e-11,
        ),
    ),
    "erfcx": Polynomial(
        -1.0,
        (ERFCX_END - ERFCX_CENTRE) / (ERFCX_END + ERFCX_CENTRE),
        "e^{x²} erfc(x) on 0 ≤ x ≤ 6 as a function of z = (x − 3.75)/(x + 3.75) (Shepherd, Laframboise 1981)",
        (
            0.1455897212750385,
            -0.27342193149542704,
            0.226008066916644,
            -0.16357189552376045,
            0.10260431202993357,
            -0.054802326711430316,
            0.024143224032160654,
            -0.00822062048937683,
            0.0018029628816911304,
            -2.554507325161706e-05,
            -0.00015249603739511046,
            4.789655637440933e-05,
            3.823134347437403e-06,
            -5.469524258721267e-06,
            1.833509983695103e-06,
            1.628542548557038e-06,
            2.9670242210535057e-07,
            8.163407950612193e-09,
        ),
    ),
}
"""Name → polynomial."""
