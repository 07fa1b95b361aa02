"""Formulas as a terminal shows them: Greek letters and fractions, or plain ASCII.

>>> from theory.symbols import sym
>>> linear(sym("sigma_F") ** 2 * sym("rho_0"))
'ρ₀·σ_F²'
>>> linear(sym("sigma_F") ** 2 * sym("rho_0"), unicode=False)
'rho_0*sigma_F**2'
>>> print(readable(1 / sym("sigma_F")))
1/σ_F
"""

from __future__ import annotations

import re
from typing import Any, Final

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import pretty_use_unicode
from sympy.printing.pretty.stringpict import prettyForm
from sympy.printing.str import StrPrinter

__all__ = ["linear", "readable", "symbol_name"]

_GREEK: Final = {
    "alpha": "α", "delta": "δ", "eps": "ε", "eta": "η", "gamma": "γ", "kappa": "κ", "mu": "μ", "nu": "ν", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "psi": "ψ", "theta": "θ", "ell": "ℓ", "Gamma": "Γ", "Lambda": "Λ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω", "dphi": "φ′", "dpsi": "ψ′", "star": "⋆",
}  # fmt: skip
_FUNCTIONS: Final = {"psi": "ψ", "dpsi": "ψ′", "psi_inv": "ψ⁻¹", "Psi": "Ψ", "Psi_inv": "Ψ⁻¹"}
_SUPERSCRIPTS: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPTS: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_ONE_LINE: Final = 44
"""A formula up to this long is read more easily on one line than as a fraction."""


def symbol_name(name: str) -> str:
    """The Unicode form of a symbol's ASCII name: recognizably the same, since the ASCII name is what one types.

    >>> symbol_name("rho_0"), symbol_name("ell_a_star"), symbol_name("w_min")
    ('ρ₀', 'ℓ_a_⋆', 'w_min')
    """
    parts = [_GREEK.get(part, part) for part in name.split("_")]
    if len(parts) > 1 and parts[-1].isdecimal():
        return "_".join(parts[:-1]) + parts[-1].translate(_SUBSCRIPTS)
    return "_".join(parts)


def _leading(terms: list[Any]) -> list[Any]:
    """Terms of a sum, those without a minus sign first."""
    return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))


class _Linear(StrPrinter):
    def __init__(self, unicode: bool) -> None:
        super().__init__()
        self._unicode = unicode

    def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[Any]:
        return _leading(super()._as_ordered_terms(expr, order=order))

    def _print_Symbol(self, expr: Any) -> str:
        return symbol_name(expr.name) if self._unicode else str(expr.name)

    def _print_Function(self, expr: Any) -> str:
        name = expr.func.__name__
        if self._unicode and isinstance(expr, AppliedUndef):
            name = _FUNCTIONS.get(name, name)
        return f"{name}({self.stringify(expr.args, ', ')})"


class _Pretty(PrettyPrinter):
    def __init__(self, unicode: bool) -> None:
        super().__init__({"use_unicode": unicode, "wrap_line": False})
        self._symbols = unicode

    def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[Any]:
        return _leading(super()._as_ordered_terms(expr, order=order))

    def _print_Symbol(self, e: Any, bold_name: bool = False) -> Any:
        return prettyForm(symbol_name(e.name) if self._symbols else e.name)

    def _print_Function(
        self, e: Any, sort: bool = False, func_name: str | None = None, left: str = "(", right: str = ")"
    ) -> Any:
        if self._symbols and isinstance(e, AppliedUndef):
            func_name = _FUNCTIONS.get(e.func.__name__, e.func.__name__)
        return super()._print_Function(e, sort, func_name, left, right)


def linear(expr: Any, *, unicode: bool = True) -> str:
    """An expression or relation on one line; `unicode` False gives what SymPy can read back."""
    text: str = _Linear(unicode).doprint(sp.sympify(expr))
    if not unicode:
        return text
    text = re.sub(r"\*\*(\d+)(?![\d.])", lambda match: match[1].translate(_SUPERSCRIPTS), text)
    text = text.replace("**", "^").replace("*", "·").replace("sqrt(", "√(")
    text = re.sub(r"√\((\w+)\)", r"√\1", text)
    return text.replace("<=", "≤").replace(">=", "≥")


def readable(expr: Any, *, width: int = 96, unicode: bool = True) -> str:
    """The form that reads best in `width` columns: one line if it is short, else stacked fractions if they fit.

    What fits neither way is one line, to be broken by the caller.
    """
    text = linear(expr, unicode=unicode)
    if len(text) <= min(_ONE_LINE, width):
        return text
    before = pretty_use_unicode(unicode)  # SymPy keeps this in a global, whatever a printer is told
    try:
        stacked: str = _Pretty(unicode).doprint(sp.sympify(expr))
    finally:
        pretty_use_unicode(before)
    lines = [line.rstrip() for line in stacked.splitlines()]
    return "\n".join(lines) if len(lines) > 2 and max(map(len, lines)) <= width else text
