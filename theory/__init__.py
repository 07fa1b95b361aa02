"""What is claimed: statements, proof steps and constants, in SymPy.

``theory.registry`` is the registry (identifier → item), ``theory.SYMBOLS`` the vocabulary, ``theory.sym`` the way to
get a symbol.  All are loaded on first use: importing :mod:`theory` alone costs nothing, SymPy comes with the first of
them.

>>> import theory
>>> theory.registry["sharp.condition"].kind
'condition'
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["SYMBOLS", "registry", "sym"]

_LAZY = {
    "registry": ("theory.ledger", "registry"),
    "SYMBOLS": ("theory.symbols", "SYMBOLS"),
    "sym": ("theory.symbols", "sym"),
}


def __getattr__(name: str) -> Any:
    """Load an exported name on first use (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module 'theory' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    """The exported names beside the module's own."""
    return sorted({*globals(), *__all__})
