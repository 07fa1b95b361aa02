"""What a loss has to say about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property, lru_cache
from numbers import Real
from typing import Any

import sympy as sp

from theory.functions import Given
from theory.kl import Desingularizer, ExceptionalParameter, derive
from theory.symbols import SYMBOLS, sym

__all__ = ["Loss", "Parameter"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a loss: the name of its symbol, its domain (a SymPy set), `default` (None: it has to be given)."""

    name: str
    domain: Any
    default: Any = None

    def exact(self, value: Any) -> Any:
        """The value as an exact rational; ValueError if it is no number or outside the domain.

        >>> Parameter("p", sp.Interval(2, sp.oo)).exact(1.5)
        Traceback (most recent call last):
            ...
        ValueError: p = 1.5 is outside [2, oo) (exponent of a power loss)
        """
        meaning = SYMBOLS[self.name].meaning
        if isinstance(value, bool) or not isinstance(value, Real | sp.Rational | Given):
            raise ValueError(f"{self.name} = {value!r} is not a number ({meaning})")
        if isinstance(value, Given):
            return self.exact(value.value)
        number = sp.sympify(value)
        if number.is_Float and number.is_finite:
            number = sp.Rational(value)
        if number.is_finite is not True or self.domain.contains(number) is not sp.true:
            raise ValueError(f"{self.name} = {value!r} is outside {self._domain()} ({meaning})")
        return number

    def _domain(self) -> str:
        if self.domain is sp.S.Naturals:
            return "1, 2, 3, ..."
        left, right = "(" if self.domain.left_open else "[", ")" if self.domain.right_open else "]"
        return f"{left}{self.domain.inf}, {self.domain.sup}{right}"


_SUM = sym("z")


@dataclass(frozen=True)
class Loss:
    """A loss L_y(v) = outer(Σ_i entry(|v_i − y_i|, w_i)), its ψ, and the arguments for its properties.

    entry               expression in ``sym("r")`` (|residual|: entries are even), ``sym("w")`` and the parameters
    outer               expression in ``sym("z")`` (the sum of the entries) and the parameters; z for separable losses
    psi                 ψ, an expression in ``sym("s")``, the parameters, and ``w_min``, the smallest weight
    kl_argument         why ψ'(L)‖∇L‖ ≥ 1 (`A.loss.KL`); it holds globally, r0 = ∞
    smooth, convex, unique          `A.loss.smooth`, `A.loss.convex`, `A.loss.unique`, for all values of the parameters
    smooth_if           relation between the parameters under which `A.loss.smooth` holds, where it is not for all
    gradient_lipschitz  Lipschitz constant of ∇L on the ball ‖v − y‖ ≤ ``sym("r")`` for unit weights (times the largest
                        weight); None if there is none.  Where smooth_if fails it is not to be used.
    range_radial        ψ'(L)⟨r, ∇L⟩ ≥ ‖r‖ holds, so that y ∈ Im A suffices for linear A (`A.operator.range.radial`)
    weighted            whether weights other than 1 are accepted
    parameters          one :class:`Parameter` each
    sharp_at            where KL is an equality: "everywhere", "axis" (one nonzero entry; the smallest weight) or
                        "diagonal" (entries of equal size)
    largest_at          where the loss is largest for a given ‖v − y‖ (unit weights): "axis" if entry(√u) is convex in u,
                        "diagonal" if it is concave; with the argument
    """

    name: str
    title: str
    entry: Any
    psi: Any
    kl_argument: str
    smooth: bool
    convex: bool
    unique: bool
    gradient_lipschitz: Any
    range_radial: bool
    range_radial_argument: str
    weighted: bool = False
    outer: Any = _SUM
    parameters: tuple[Parameter, ...] = ()
    smooth_if: Any = None
    sharp_at: str = "axis"
    largest_at: str = "axis"
    largest_argument: str = "entry(sqrt(u)) is convex in u, so for a given norm one nonzero entry is the worst."
    cites: tuple[str, ...] = ()

    @cached_property
    def kl(self) -> Desingularizer:
        """What follows from ψ, with the parameters as symbols (generic: see :meth:`desingularizer`)."""
        return _derived(self.psi)

    @property
    def largest(self) -> Any:
        """The largest loss at ‖v − y‖ = ``sym("r")`` with ``sym("m")`` entries of weight ``sym("w")``."""
        r, m = sym("r"), sym("m")
        total = self.entry if self.largest_at == "axis" else m * self.entry.subs(r, r / sp.sqrt(m))
        return self.outer.subs(_SUM, total)

    def exact(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter's value as an exact rational; ValueError, in the user's words, for what is off."""
        known = {item.name: item for item in self.parameters}
        for name in values:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                offer = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known) or 'none'}"
                raise ValueError(f"{self.name} has no parameter {name!r}; {offer}")
        out = {}
        for name, item in known.items():
            value = values.get(name, item.default)
            if value is None:
                raise ValueError(f"{self.name} needs {name} ({SYMBOLS[name].meaning})")
            out[name] = item.exact(value)
        return out

    def desingularizer(self, **values: Any) -> Desingularizer:
        """ψ and what follows from it at values of the parameters: at p = 2 a power becomes a logarithm.

        ``w_min`` may be among the values.  Numbers with long fractions stay opaque (:class:`theory.functions.Given`).

        >>> from theory.losses import LOSSES
        >>> for p in (2, 3):
        ...     print(LOSSES["p_power"].desingularizer(p=p).Psi_inv(sym("t")))
        exp(-2*t)
        1/(3*t**3)
        """
        weights = {key: values.pop(key) for key in ("w_min",) if key in values}
        filled = {sym(name): _atom(value) for name, value in self.exact(values).items()}
        try:
            kl = self.kl.substitute(filled)
        except ExceptionalParameter:
            kl = _derived(self.psi.subs(filled))
        return kl.substitute({sym(name): value for name, value in weights.items()})

    def at(self, **values: Any) -> Loss:
        """The loss with its parameters fixed: `smooth` is decided, everything else filled in.

        >>> from theory.losses import LOSSES
        >>> [LOSSES["lojasiewicz"].at(alpha=alpha).smooth for alpha in (0.25, 0.5, 0.75)]
        [True, True, False]
        """
        exact = self.exact(values)
        decide = {sym(name): value for name, value in exact.items()}
        filled = {key: _atom(value) for key, value in decide.items()}

        def put(expr: Any) -> Any:
            return None if expr is None else expr.subs(filled)

        smooth = self.smooth if self.smooth_if is None else bool(self.smooth_if.subs(decide))
        return replace(
            self,
            entry=put(self.entry),
            outer=put(self.outer),
            psi=put(self.psi),
            smooth=smooth,
            gradient_lipschitz=put(self.gradient_lipschitz) if smooth else None,
            parameters=(),
            smooth_if=None,
        )


@lru_cache(maxsize=256)
def _derived(psi: Any) -> Desingularizer:
    return derive(psi)


def _atom(value: Any) -> Any:
    """The number itself if its powers stay short, else an atom that SymPy does not expand."""
    return value if value.q <= 16 and value.p <= 1000 else Given(value)
