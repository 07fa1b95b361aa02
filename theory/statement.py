"""Records of what is claimed: hypotheses, statements, and the symbolic obligations that check the calculus.

A :class:`Statement` can be reviewed alone: its text names every object it speaks of.  Dependencies are declared on it,
those of the statement (`uses`) apart from those of the proof (`proof_uses`), and every formula is one SymPy expression
in the symbols of :mod:`theory.symbols`, from which numbers, enclosures and LaTeX are made.

An :class:`Obligation` is the part of a proof that is calculus.  :meth:`Obligation.check` asks SymPy for it, exactly:
a test that an identity holds at random points would not tell a theorem from a good approximation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import sympy as sp
from sympy.core.function import AppliedUndef

from theory.mutant import Constant, Mutant
from theory.symbols import SYMBOLS

__all__ = ["Direction", "Hypothesis", "Kind", "LazyFormulas", "Obligation", "Origin", "Statement", "latex"]

Direction = Literal["exact", "lower", "upper", "estimate"]
Kind = Literal["assumption", "condition", "theorem", "lemma", "step", "definition", "remark", "trusted"]
Origin = Literal["paper", "sharp", "explicit", "new", "known"]

_EMPTY: Mapping[str, Any] = MappingProxyType({})


# The undefined functions of theory.symbols: what SymPy makes of their names, and their notation.
_FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {r"\Psi_{inv}": r"\Psi^{-1}", r"\psi_{inv}": r"\psi^{-1}", r"\operatorname{dpsi}": r"\psi'"}
)


def latex(expr: Any) -> str:
    """LaTeX of an expression with the notation of :data:`theory.symbols.SYMBOLS`.

    >>> from theory.symbols import sym
    >>> latex(sym("sigma_F") * sym("rho_0"))
    '\\\\rho_0 \\\\sigma_F'
    """
    names = {info.symbol: info.latex for info in SYMBOLS.values()}
    text = str(sp.latex(expr, symbol_names=names))
    for made, meant in _FUNCTIONS.items():
        text = text.replace(made, meant)
    return text


class Evaluated:
    """What is registered can be evaluated at constants.

    The theory imports nothing that computes.  This is the one exception, by name and when called: a reader who holds a
    statement expects its number, and :mod:`numerics.evaluation` makes it.
    """

    def evaluate(self, values: Mapping[str, Any] | None = None, /, **options: Any) -> Any:
        """All formulas at the given constants, the conditions with their slack: :class:`numerics.evaluation.Evaluation`.

        Symbols are keywords or entries of `values`; the other keywords are those of
        :func:`numerics.evaluation.evaluate_item` (``loss``, ``loss_parameters``, ``activation``, ``backend``,
        ``digits``, ``formulas``).  ``loss=0.3`` is the value of the loss, ``loss="least_squares"`` its kind.

        >>> from theory import registry
        >>> result = registry["sharp.rate"].evaluate(sigma_F=0.5, sigma_0=0.9, Lambda=0.1, rho_0=1, t=3)
        >>> result.verdict, round(result["a"], 12), round(result["bound"], 9)
        ('holds', 0.1025, 0.270320448)
        >>> registry["sharp.rate"].evaluate(sigma_F=0.5, sigma_0=0.9, Lambda=0.5, rho_0=1)["a"]  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        numerics.compile.HypothesisNotMet: sharp.rate.a claims nothing here: sharp.condition: h = 1.23457 is not below 1/2 ...
        """
        evaluator = import_module("numerics.evaluation")
        return evaluator.evaluate_keywords(self, values, options)


@dataclass(frozen=True)
class Hypothesis(Evaluated):
    """An assumption of the theorems: something an instance satisfies or not.

    `relation` is the SymPy relation that decides it from constants, where there is one (then a number settles it);
    otherwise the text says what has to be shown.  It sits in the registry beside the statements and answers to the
    same attributes.
    """

    id: str
    title: str
    text: str
    relation: Any = None
    cites: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    origin: Origin = "paper"

    kind: ClassVar[Kind] = "assumption"
    direction: ClassVar[Direction] = "exact"
    hypotheses: ClassVar[tuple[str, ...]] = ()
    proof_uses: ClassVar[tuple[str, ...]] = ()
    proof: ClassVar[str] = ""
    obligations: ClassVar[tuple[Obligation, ...]] = ()
    mutants: ClassVar[tuple[Mutant, ...]] = ()
    constants: ClassVar[tuple[Constant, ...]] = ()
    tight: ClassVar[str] = ""
    requires: ClassVar[tuple[str, ...] | None] = None
    directions: ClassVar[Mapping[str, Direction]] = _EMPTY
    unconditional: ClassVar[tuple[str, ...]] = ()
    when: ClassVar[Any] = None

    def direction_of(self, formula: str) -> Direction:
        """An assumption has no formulas."""
        raise KeyError(f"{self.id} is an assumption: it has no formula {formula!r}")

    @property
    def condition(self) -> Any:
        """The deciding relation: an assumption with one is a condition on constants."""
        return self.relation

    @property
    def conclusion(self) -> Any:
        """The deciding relation, under the name that statements use."""
        return self.relation

    @property
    def formulas(self) -> Mapping[str, Any]:
        """Empty: an assumption computes nothing."""
        return _EMPTY

    @property
    def reads(self) -> Mapping[str, str]:
        """Empty, like `formulas`."""
        return _EMPTY

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the symbols in the relation, sorted."""
        return _names(() if self.relation is None else (self.relation,))

    def latex(self) -> str:
        """The relation in LaTeX, or an empty string."""
        return "" if self.relation is None else latex(self.relation)

    def _repr_latex_(self) -> str | None:
        return None if self.relation is None else f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        from theory.notebook import item_html  # here: it needs this module

        return item_html(self)


class LazyFormulas(Mapping[str, Any]):
    """Formulas that are derived when one of them is first asked for, so that importing the theory integrates nothing.

    >>> lazy = LazyFormulas(("square",), lambda: {"square": sp.Integer(2) ** 2})
    >>> list(lazy), lazy["square"]
    (['square'], 4)
    """

    def __init__(self, names: tuple[str, ...], make: Callable[[], Mapping[str, Any]]) -> None:
        self._names, self._make = names, make
        self._made: Mapping[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        if key not in self._names:
            raise KeyError(key)
        if self._made is None:
            self._made = self._make()
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class Obligation:
    """A piece of calculus that a proof relies on, provable by SymPy.

    Claimed is that `zero` vanishes identically and that every expression in `nonnegative` is >= 0.  `zero` and the
    members of `nonnegative` may be functions without arguments that return the expression, so that nothing expensive
    happens at import.  `where`
    replaces symbols by expressions before simplifying: a reparametrization that covers all admissible values (say
    sqrt(1 - 2h) = z) turns nested roots into rational functions, which SymPy decides.  An inequality lhs <= rhs is
    stated as ``zero = rhs - lhs - witness`` with a manifestly nonnegative witness (:meth:`inequality`).

    >>> from theory.symbols import sym
    >>> r, s = sym("r"), sym("s")
    >>> Obligation("a square", (r + s) ** 2 - r**2 - 2 * r * s - s**2).check()
    True
    >>> Obligation("not a square", (r + s) ** 2 - r**2 - s**2).check()
    False
    >>> Obligation.inequality("means", 2 * r * s, r**2 + s**2, (r - s) ** 2).check()
    True
    """

    text: str
    zero: Any = 0
    where: Mapping[Any, Any] = field(default_factory=lambda: _EMPTY)
    nonnegative: tuple[Any, ...] = ()

    @classmethod
    def inequality(
        cls, text: str, lhs: Any, rhs: Any, witness: Any, where: Mapping[Any, Any] | None = None
    ) -> Obligation:
        """The claim lhs <= rhs, by rhs − lhs = witness and witness >= 0."""
        return cls(text, rhs - lhs - witness, where or _EMPTY, (witness,))

    def expression(self) -> Any:
        """The expression claimed to vanish, after the substitution."""
        # a Symbol is callable too (it makes an applied function)
        value: Any = self.zero() if callable(self.zero) and not isinstance(self.zero, sp.Basic) else self.zero
        return sp.sympify(value).doit().subs(dict(self.where), simultaneous=True).doit()

    def check(self) -> bool:
        """True if SymPy proves the claim; False means "not proved"."""
        parts = (part() if callable(part) and not isinstance(part, sp.Basic) else part for part in self.nonnegative)
        signs = (sp.sympify(part).subs(dict(self.where), simultaneous=True) for part in parts)
        return _vanishes(self.expression()) and all(_nonnegative(part) for part in signs)


# From cheap to dear; SymPy decides rational functions by `cancel`, the rest needs `simplify`.
_TRANSFORMS: tuple[Callable[[Any], Any], ...] = (
    lambda e: e,
    sp.expand,
    lambda e: sp.expand(sp.expand_log(e)),
    sp.simplify,
    lambda e: sp.simplify(sp.expand_log(sp.expand(e), force=False)),
    lambda e: sp.simplify(sp.powsimp(sp.expand(sp.radsimp(e)))),
)


def _vanishes(expr: Any) -> bool:
    return not _refuted(expr) and any(transform(expr) == 0 for transform in _TRANSFORMS)


def _refuted(expr: Any) -> bool:
    """Whether the value at one point that obeys the assumptions is not zero: saves the search for a proof in vain."""
    if expr.atoms(AppliedUndef):
        return False
    point = {
        symbol: sp.Integer(i + 2) if symbol.is_integer else sp.Rational(101 + 13 * i, 97 + 7 * i)
        for i, symbol in enumerate(sorted(expr.free_symbols, key=str))
    }
    value = expr.subs(point, simultaneous=True).evalf(40)
    return bool(value.is_number and value.is_finite and abs(value) > sp.Float("1e-25"))


def _nonnegative(expr: Any) -> bool:
    return bool(expr.is_nonnegative or sp.factor(expr).is_nonnegative)


def _names(parts: Any) -> tuple[str, ...]:
    return tuple(sorted({symbol.name for part in parts for symbol in part.free_symbols}))


@dataclass(frozen=True)
class Statement(Evaluated):
    """A definition, condition, theorem, lemma, proof step, remark, or trusted fact.

    `text` can be reviewed alone.  `hypotheses` are registry identifiers of what must hold; `conclusion` is a SymPy
    relation where there is one, with `sides` and `slack`; `direction` says on which side of
    the truth the formulas lie.  `formulas` maps a name
    to an expression in the symbols of :mod:`theory.symbols`, and `reads` says in words what each of them is.
    `proof` is the short written proof, `obligations` its calculus.  `mutants` are wrong variants that an
    audit has to refute and `constants` the numbers that it turns (:mod:`theory.mutant`).
    `condition` is the relation between constants that puts the statement in force, where it has one of its own (a
    statement of kind "condition" states it as its conclusion).  The conditions of the items in `uses` apply as well, unless
    `requires` lists those of them that do (a width from which a condition holds does not require that condition);
    `unconditional` names formulas that claim what they say whether or not the conditions hold.
    `directions` names the formulas that lie on another side of the truth than `direction` says (the rate of an upper bound
    of the loss is itself a lower bound); :meth:`direction_of` answers for each.
    `when` is a relation with the time or the state of a run: when along the run the conclusion is claimed.
    `tight` says how sharp the result is, and how that is known.
    """

    id: str
    kind: Kind
    origin: Origin
    title: str
    text: str
    hypotheses: tuple[str, ...] = ()
    condition: Any = None
    conclusion: Any = None
    direction: Direction = "exact"
    formulas: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    reads: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    uses: tuple[str, ...] = ()
    proof_uses: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    proof: str = ""
    obligations: tuple[Obligation, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    constants: tuple[Constant, ...] = ()
    tight: str = ""
    requires: tuple[str, ...] | None = None
    unconditional: tuple[str, ...] = ()
    when: Any = None
    directions: Mapping[str, Direction] = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        if set(self.formulas) != set(self.reads):
            odd = sorted(set(self.formulas) ^ set(self.reads))
            raise ValueError(f"{self.id}: every formula needs a reading and every reading a formula; check {odd}")
        stray = [*(set(self.requires or ()) - set(self.uses)), *(set(self.unconditional) - set(self.formulas))]
        stray += set(self.directions) - set(self.formulas)
        if stray:
            raise ValueError(
                f"{self.id}: `requires` lists items of `uses`, `unconditional` and `directions` formulas; check {sorted(stray)}"
            )
        names = [*(mutant.name for mutant in self.mutants), *(constant.name for constant in self.constants)]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.id}: two of its mutants or constants have one name; check {sorted(names)}")
        if not isinstance(self.formulas, LazyFormulas):
            object.__setattr__(self, "formulas", MappingProxyType(dict(self.formulas)))
        object.__setattr__(self, "reads", MappingProxyType(dict(self.reads)))
        object.__setattr__(self, "directions", MappingProxyType(dict(self.directions)))
        if self.kind == "condition" and self.condition is None:
            object.__setattr__(self, "condition", self.conclusion)

    def direction_of(self, formula: str) -> Direction:
        """On which side of the truth a formula lies."""
        return self.directions.get(formula, self.direction)

    @property
    def sides(self) -> tuple[Any, Any] | None:
        """Left and right side of the conclusion, None without one."""
        return None if self.conclusion is None else tuple(self.conclusion.args)

    @property
    def slack(self) -> Any:
        """What is >= 0 exactly if the conclusion holds (> 0 for a strict one); None for an equation or without one."""
        relation = self.conclusion
        if isinstance(relation, sp.Le | sp.Lt):
            return relation.rhs - relation.lhs
        if isinstance(relation, sp.Ge | sp.Gt):
            return relation.lhs - relation.rhs
        return None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of all symbols in the formulas, the condition and the conclusion, sorted."""
        parts = [sp.sympify(expr) for expr in self.formulas.values()]
        return _names(
            [*parts, *(relation for relation in (self.condition, self.when, self.conclusion) if relation is not None)]
        )

    def latex(self) -> str:
        """The conclusion in LaTeX; without one, the formulas, one a line."""
        if self.conclusion is not None:
            return latex(self.conclusion)
        return r" \\ ".join(rf"\text{{{name}}} = {latex(expr)}" for name, expr in self.formulas.items())

    def _repr_latex_(self) -> str | None:
        text = self.latex()
        if self.conclusion is None:
            text = rf"\begin{{gathered}} {text} \end{{gathered}}" if text else ""
        return f"$\\displaystyle {text}$" if text else None

    def _repr_html_(self) -> str:
        from theory.notebook import item_html  # here: it needs this module

        return item_html(self)
