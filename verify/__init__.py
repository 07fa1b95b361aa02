"""How claims meet numbers: problems, guarantees, checks, reports, the command line.

>>> from verify import build, parse  # or load("problem.toml")
>>> problem = build(parse({"signal": {"source": "values", "values": [1.0, 2.0]}, "operator": {"kind": "identity"},
...                        "network": {"width": 8}}))
>>> problem.forward.shape
(2, 2)
"""

from typing import Any

__all__ = ["Problem", "ProblemError", "ProblemSpec", "build", "load", "parse"]


def __getattr__(name: str) -> Any:
    """The names of `verify.problem`, imported when first asked for: ``dipcert --help`` need not wait for SciPy."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("verify.problem"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
