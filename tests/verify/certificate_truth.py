"""Every number of a problem to 60 digits: computed by mpmath from the formulas of the theory, by nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import mpmath
import numpy as np

from verify.certificate import Subject

X = mpmath.MPContext()
X.dps = 60


# --- activations -----------------------------------------------------------------------------------------------------------
def _sigmoid(x: Any) -> Any:
    return 1 / (1 + X.exp(-x))


def _normal(x: Any) -> Any:
    return X.exp(-x * x / 2) / X.sqrt(2 * X.pi)


#: name: (phi, phi')
PHI: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh": (X.tanh, lambda x: X.sech(x) ** 2),
    "erf": (X.erf, lambda x: 2 / X.sqrt(X.pi) * X.exp(-x * x)),
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
    "softplus": (lambda x: X.log1p(X.exp(x)), _sigmoid),
    "sin": (X.sin, X.cos),
    "gelu": (lambda x: x * X.ncdf(x), lambda x: X.ncdf(x) + x * _normal(x)),
    "silu": (lambda x: x * _sigmoid(x), lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x))),
    "identity": (lambda x: x, lambda x: X.mpf(1)),
}


def sup(name: str) -> tuple[Any, Any]:
    """(sup|phi'|, sup|phi''|): phi' or phi'' at the place of its extremum, found by calculus for each activation."""
    one = X.mpf(1)
    if name == "silu":
        peak = X.findroot(lambda x: x * X.tanh(x / 2) - 2, 2.4)
        return PHI["silu"][1](peak), one / 2
    return {
        "tanh": (one, 4 / (3 * X.sqrt(3))),
        "erf": (2 / X.sqrt(X.pi), 4 / X.sqrt(X.pi) * X.exp(-one / 2) / X.sqrt(2)),
        "sigmoid": (one / 4, 1 / (6 * X.sqrt(3))),
        "softplus": (one, one / 4),
        "sin": (one, one),
        "gelu": (PHI["gelu"][1](X.sqrt(2)), X.sqrt(2 / X.pi)),
        "identity": (one, X.mpf(0)),
    }[name]


SUP = {name: sup(name) for name in PHI}


# --- truth ---------------------------------------------------------------------------------------------------------------
def _matrix(array: Any) -> Any:
    array = np.asarray(array)
    return X.matrix((array if array.ndim == 2 else array[:, None]).tolist())


def _length(v: Any) -> Any:
    return X.sqrt(X.fsum(x * x for x in v))


def _eigenvalues(K: Any) -> list[Any]:
    """Of a symmetric matrix, ascending."""
    return sorted(X.eigsy(K, eigvals_only=True))


def _norm(M: Any) -> Any:
    return X.sqrt(max(_eigenvalues(M * M.T if M.rows <= M.cols else M.T * M)[-1], 0))


class Truth:
    """Every number of a problem, to about 50 digits."""

    def __init__(self, subject: Subject) -> None:
        self.subject = s = subject
        self.both, self.k = s.train == "both", s.k
        self.root = X.sqrt(s.k)
        self.V = _matrix(s.V).T  # n x k
        phi, slope = PHI[s.activation]
        self.phi = X.matrix([phi(X.mpf(float(a))) for a in s.a])
        self.slope = [slope(X.mpf(float(a))) for a in s.a]
        self.R, self.C = (None if M is None else _matrix(M) for M in (s.R, s.C))
        self.U = X.eye(s.n) if self.R is None else X.qr(self.R.T, mode="skinny")[0]
        self.B1, self.B2 = SUP[s.activation]

    def T(self, x: Any) -> Any:
        x = x if self.R is None else self.R * x
        return x if self.C is None else self.C * x

    def onto_image(self, r: Any) -> Any:
        return r if self.C is None else X.qr(self.C, mode="skinny")[0].T * r

    @cached_property
    def g(self) -> Any:
        return self.V * self.phi / self.root

    @cached_property
    def sigma_F(self) -> Any:
        T = self.T(X.eye(self.subject.n))
        return X.sqrt(_eigenvalues(T * T.T)[-self.subject.p])

    @cached_property
    def f(self) -> Any:
        return _length(self.phi) / self.root

    @cached_property
    def VD(self) -> Any:
        S = self.V.copy()
        for j, d in enumerate(self.slope):
            for i in range(S.rows):
                S[i, j] *= d
        return S

    @cached_property
    def sigma_0(self) -> Any:
        S = self.U.T * self.VD
        square = max(_eigenvalues(S * S.T)[0], 0) / self.k
        return X.sqrt(square + self.f**2 if self.both else square)

    @cached_property
    def c_V(self) -> Any:
        S = self.U.T * self.V
        return max(_length(S.column(j)) for j in range(self.k))

    @cached_property
    def c_full(self) -> Any:
        return max(_length(self.V.column(j)) for j in range(self.k))

    @cached_property
    def rho_0(self) -> Any:
        r = self.onto_image(self.T(self.g) - _matrix(self.subject.y))
        if self.subject.weights is None:
            return _length(r)
        w = [X.mpf(float(x)) for x in self.subject.weights]
        return X.sqrt(X.fsum(a * b * b for a, b in zip(w, r, strict=True)) / min(w))

    @cached_property
    def w_min(self) -> Any:
        return X.mpf(1) if self.subject.weights is None else X.mpf(float(self.subject.weights.min()))

    # -- the signal
    @cached_property
    def J_norm(self) -> Any:
        square = _norm(self.VD) ** 2 / self.k
        return X.sqrt(square + self.f**2 if self.both else square)

    def off(self, Z: Any) -> Any:
        return Z - self.U * (self.U.T * Z)

    @cached_property
    def PKQ(self) -> Any:
        return X.mpf(0) if self.R is None else _norm(self.off(self.VD * self.VD.T * self.U) / self.k)

    @cached_property
    def aim(self) -> Any:
        return _matrix(self.subject.signal) / X.mpf(self.subject.scale)

    @cached_property
    def ker_0(self) -> Any:
        return X.mpf(0) if self.R is None else _length(self.off(self.g - self.aim))

    @cached_property
    def eps(self) -> Any:
        return _length(self.onto_image(self.T(self.aim) - _matrix(self.subject.y)))

    @cached_property
    def start_distance(self) -> Any:
        return _length(self.g - self.aim)

    @cached_property
    def T_norm(self) -> Any:
        return _norm(self.T(X.eye(self.subject.n)))

    # -- what follows
    def modulus(self, c: Any) -> Any:
        X2 = self.B2 * c
        return ((X2 + X.sqrt(X2**2 + 4 * self.B1**2)) / 2 if self.both else X2) / self.root

    @cached_property
    def h(self) -> Any:
        return self.modulus(self.c_V) * self.rho_0 / (self.sigma_F * self.sigma_0**2)

    @cached_property
    def R_prime(self) -> Any:
        return 2 * self.rho_0 / (self.sigma_F * self.sigma_0)

    def ratio(self, statement: str) -> Any:
        """How the condition is met: below 1 it holds, from 1 on it fails."""
        if statement == "sharp.condition":
            return 2 * self.h
        if statement == "baseline.condition":
            r = self.R_prime
            return 2 * r * self.modulus(self.c_V + r if self.both else self.c_V) / self.sigma_0
        return self.rho_0 * self.B1 / (self.sigma_F * self.root * self.f**2) if self.f > 0 else X.inf

    def holds(self, statement: str) -> bool:
        """Whether a condition, or that of `recover.kernel`, is true; False for other statements."""
        if statement == "recover.kernel":
            return bool(2 * self.modulus(self.c_full) * self.rho_0 < self.sigma_F * self.sigma_0**2)
        return statement in ("sharp.condition", "baseline.condition", "dip2.amgm") and bool(self.ratio(statement) < 1)

    def critical(self, statement: str) -> Any:
        """The rho_0 at which the ratio is 1."""
        if statement == "sharp.condition":
            return self.sigma_F * self.sigma_0**2 / self.modulus(self.c_V) / 2
        if statement == "dip2.amgm":
            return self.sigma_F * self.root * self.f**2 / self.B1
        # r Lip(r) = sigma_0/2, increasing in r: bisection
        low, high = X.mpf(0), self.sigma_0 / (2 * self.modulus(self.c_V))
        for _ in range(170):
            mid = (low + high) / 2
            above = mid * self.modulus(self.c_V + mid if self.both else self.c_V) > self.sigma_0 / 2
            low, high = (low, mid) if above else (mid, high)
        return low * self.sigma_F * self.sigma_0 / 2

    def _stop(self, level: float | None, a: Any, b: Any) -> dict[str, Any]:
        """Time after which rho' = -w_min (a + b rho) rho is at the level."""
        if level is None:
            return {}
        rho, q = self.rho_0, X.mpf(level)
        return {"time": (X.log(rho * (a + b * q) / (q * (a + b * rho))) / (a * self.w_min) if rho > q else X.mpf(0), 1)}

    def conclusions(self, statement: str, level: float | None = None) -> dict[str, Any]:
        """What follows from the true numbers, each with a sign: 1 if the statement bounds it from above, -1 from below."""
        sF, rho, w = self.sigma_F, self.rho_0, self.w_min
        if statement == "dip2.amgm":
            s = X.sqrt(self.f**2 - self.B1 * rho / (sF * self.root))
            found = {"s_star": (s, -1), "rate": (w * (sF * s) ** 2, -1), "length": (rho / (sF * s), 1)}
            return found | self._stop(level, (sF * s) ** 2, X.mpf(0))
        s0 = self.sigma_0
        if statement == "sharp.condition":
            end = s0 * X.sqrt(1 - 2 * self.h)
            found = {"h": (self.h, 1), "ell_star": (2 * rho / (sF * (s0 + end)), 1), "rate": (w * (sF * end) ** 2, -1)}
            return found | self._stop(level, (sF * end) ** 2, 2 * sF * self.modulus(self.c_V))
        if statement == "baseline.condition":
            found = {"R_prime": (self.R_prime, 1), "rate": (w * (sF * s0) ** 2 / 4, -1)}
            return found | self._stop(level, (sF * s0) ** 2 / 4, X.mpf(0))
        if statement == "baseline.recovery":
            reach = s0 * self.R_prime - self.modulus(self.c_V) * self.R_prime**2 / 2
            dist = max(self.start_distance - reach, X.mpf(0))
            limit = X.mpf(self.subject.scale) * ((1 + self.T_norm / sF) * dist + self.eps / sF)
            return {"dist": (dist, 1), "limit": (limit, 1)}
        L = self.modulus(self.c_full)
        h = L * rho / (sF * s0**2)
        ell = 2 * rho / (sF * s0 * (1 + X.sqrt(1 - 2 * h)))
        rest = lambda r: (self.PKQ + L * r * (2 * self.J_norm + L * r)) / (s0 - L * r)  # noqa: E731
        drift = X.mpf(0) if self.R is None else X.quad(rest, [0, ell])
        limit = X.mpf(self.subject.scale) * X.sqrt((self.eps / sF) ** 2 + (self.ker_0 + drift) ** 2)
        return {"h_full": (h, 1), "ell": (ell, 1), "drift": (drift, 1), "limit": (limit, 1)}

    def of_kind(self, kind: str) -> tuple[Any, int]:
        """The number that an obligation of this kind bounds, and 1 if from above, -1 if from below."""
        name, side = kind.rsplit("_", 1)
        return getattr(self, name), 1 if side == "upper" else -1


def rational(x: Any) -> str:
    """A 60-digit number as the exact "p/q" of the file."""
    sign, man, exp, _ = x._mpf_
    assert sign == 0
    p, q = (int(man) << exp, 1) if exp >= 0 else (int(man), 1 << -exp)
    return f"{p}/{q}"
