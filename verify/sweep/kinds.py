"""The experiments, one file each; a new one needs its file and its line in :data:`KINDS`."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from verify.sweep.kind import Kind
from verify.tables import ProblemError, one_line, one_of

__all__ = ["KINDS", "get_kind"]

KINDS: Final[dict[str, str]] = {
    "early_stopping": "verify.sweep.experiments.early_stopping",
    "exponents": "verify.sweep.experiments.exponents",
    "initialization": "verify.sweep.experiments.initialization",
    "near_singular": "verify.sweep.experiments.near_singular",
    "phase": "verify.sweep.experiments.phase",
    "phase_retrieval": "verify.sweep.experiments.phase_retrieval",
    "predicted_signal": "verify.sweep.experiments.predicted_signal",
    "restart": "verify.sweep.experiments.restart",
    "sparse_injectivity": "verify.sweep.experiments.sparse_injectivity",
    "tension": "verify.sweep.experiments.tension",
    "widths": "verify.sweep.experiments.widths",
}
"""Kind → module whose ``EXPERIMENT`` it is."""


def get_kind(name: Any) -> Kind:
    """The experiment of that name; ProblemError with the nearest one otherwise, or if its module cannot be imported."""
    module = KINDS[one_of(name, KINDS, "kind")]
    try:
        kind: Kind = import_module(module).EXPERIMENT
    except Exception as error:
        raise ProblemError(
            f"the experiment {name!r} cannot be used ({type(error).__name__}: {one_line(error)}); correct {module}"
        ) from error
    return kind
