"""Published theorems used as black boxes: not proved here, each with its source (`trusted.*`).

Everything that a proof in :mod:`theory.theorems` takes on trust beyond elementary calculus is in this file.
"""

from __future__ import annotations

from typing import Final

from theory.statement import Statement

__all__ = ["ITEMS"]


def _trusted(name: str, title: str, text: str, *cites: str) -> Statement:
    return Statement(id=f"trusted.{name}", kind="trusted", origin="known", title=title, text=text, cites=cites)


ITEMS: Final = (
    _trusted(
        "weyl",
        "Perturbation of singular values",
        "Singular values of matrices of the same size differ by at most the spectral norm of the difference.",
        "horn2013",
    ),
    _trusted(
        "picard",
        "Existence and uniqueness for ordinary differential equations",
        "A differential equation with locally Lipschitz right-hand side has a unique maximal solution; if it stays in "
        "a compact set it exists for all time, and distinct solutions never meet.",
        "hartman2002",
    ),
    _trusted(
        "submersion",
        "Submersions are open",
        "A continuously differentiable map whose Jacobian has full row rank at a point maps neighbourhoods of the "
        "point onto neighbourhoods of its image.",
        "hartman2002",
    ),
    _trusted(
        "matrix_chernoff",
        "Matrix Chernoff bound, lower tail",
        "If X_i are independent positive semidefinite n x n matrices of norm at most R and the sum of their means has "
        "smallest eigenvalue mu_min, then for 0 <= t < 1 the probability that the smallest eigenvalue of the sum is "
        "at most (1 - t) mu_min is at most n exp(-t^2 mu_min/(2R)).",
        "tropp2012",
    ),
    _trusted(
        "gaussian_concentration",
        "Gaussian concentration",
        "A c-Lipschitz function of a standard Gaussian vector exceeds its mean by s (or falls below it by s) with "
        "probability at most exp(-s^2/(2 c^2)).",
        "boucheron2013",
    ),
    _trusted(
        "gaussian_poincare",
        "Gaussian Poincare inequality",
        "The variance of a c-Lipschitz function of a standard Gaussian vector is at most c^2.",
        "boucheron2013",
    ),
    _trusted(
        "bounded_differences",
        "Bounded differences",
        "If changing the i-th of several independent variables changes a function by at most c_i, the function "
        "exceeds its mean by s with probability at most exp(-2 s^2/sum c_i^2).",
        "mcdiarmid1989",
        "boucheron2013",
    ),
    _trusted(
        "hoeffding",
        "Sub-Gaussian linear forms",
        "If xi has independent entries with E exp(c xi_j) <= exp(c^2/2) for all real c, then <v, xi> exceeds |v| "
        "sqrt(2T) with probability at most exp(-T).",
        "boucheron2013",
    ),
    _trusted(
        "hsu_kakade_zhang",
        "Sub-Gaussian quadratic forms",
        "If E exp(<v, xi>) <= exp(|v|^2/2) for all v, then for M = A^T A the probability that |A xi|^2 exceeds tr M + "
        "2 sqrt(tr(M^2) T) + 2 |M| T is at most exp(-T).",
        "hsu2012",
    ),
    _trusted(
        "dkw",
        "Dvoretzky-Kiefer-Wolfowitz inequality, one side, with Massart's constant",
        "Let F_k be the empirical distribution function of k independent samples of distribution function F. For s >= "
        "sqrt(ln 2/(2k)) the probability that F_k - F exceeds s somewhere is at most exp(-2 k s^2), and so is that for F - "
        "F_k.",
        "massart1990",
    ),
    _trusted(
        "khinchine",
        "Khinchine's inequality with Szarek's constant",
        "For independent random signs e_j and any reals c_j, E|sum c_j e_j| >= (sum c_j^2)^{1/2}/sqrt 2.",
        "szarek1976",
    ),
    _trusted(
        "symmetrization",
        "Symmetrization",
        "For independent samples v_1, ..., v_k and a countable class of integrable functions, the mean of the supremum of "
        "sum (E f(v_i) - f(v_i)) is at most twice the mean of the supremum of sum e_i f(v_i), e_i independent random signs.",
        "ledoux1991",
        "boucheron2013",
    ),
    _trusted(
        "contraction",
        "Contraction principle for random signs",
        "If g is 1-Lipschitz on the line with g(0) = 0, then for every bounded set S of R^k the mean of the supremum over s "
        "in S of sum e_i g(s_i) is at most that of sum e_i s_i.",
        "ledoux1991",
    ),
    _trusted(
        "bousquet",
        "Bousquet's inequality",
        "Let Z be the supremum over a countable class of sum f(v_i), the v_i independent and identically distributed, E f = "
        "0, f <= 1, Var f <= s^2, and w = k s^2 + 2 E Z. The probability that Z exceeds E Z + sqrt(2 T w) + T/3 is at most "
        "exp(-T). The bound increases in E Z.",
        "bousquet2002",
        "boucheron2013",
    ),
    _trusted(
        "jensen",
        "Jensen's inequality",
        "The mean of a convex function of a random variable is at least the function of its mean.",
        "boucheron2013",
    ),
    _trusted(
        "lojasiewicz",
        "Bounded analytic gradient flows converge",
        "A bounded trajectory of the gradient flow of a real analytic function has finite length and converges to a "
        "critical point.",
        "lojasiewicz1984",
        "bolte2010",
    ),
    _trusted(
        "normally_hyperbolic",
        "Stable manifolds of manifolds of rest points",
        "Near a manifold of rest points of an analytic vector field whose linearization is hyperbolic in the normal "
        "directions, the points that converge to it without leaving a neighbourhood form an analytic manifold "
        "tangent to it and to the stable directions.",
        "hirsch1977",
    ),
    _trusted(
        "analytic_zero_set",
        "Zeros of analytic functions",
        "The zero set of a real analytic function on a connected open set has measure zero unless the function "
        "vanishes identically.",
        "krantz2002",
    ),
)
"""The black boxes."""
