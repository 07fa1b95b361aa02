"""How claims meet numbers: problems, guarantees, checks, reports, the command line.

>>> from verify import load, build  # doctest: +SKIP
>>> problem = build(load("examples/mri.toml"))  # doctest: +SKIP
"""

from typing import Any

__all__ = ["Problem", "ProblemError", "ProblemSpec", "build", "load", "parse"]


def __getattr__(name: str) -> Any:
    """The names of `verify.problem`, imported when first asked for: ``dipcert --help`` need not wait for SciPy."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("verify.problem"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
