"""What Hypothesis calls when it is imported, so that `st.from_type(World)` gives the worlds of :mod:`verify.strategies`.

Nothing is imported here that the user has not: the types of a module are registered when that module has been imported, and
their strategies are made when somebody asks for them.  Hypothesis finds `setup` through its entry point (``pyproject.toml``).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import MappingProxyType, ModuleType
from typing import Any

__all__ = ["TYPES", "setup"]

TYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "numerics.losses": ("CompiledLoss",),
        "numerics.worlds": ("World", "Linear", "Sine", "Quadratic", "TwoLayerGenerator", "DeepGenerator"),
        "verify.engine": ("Engine",),
    }
)
"""Module → its types with a strategy in :data:`verify.strategies.types.STRATEGIES`."""


def setup() -> None:
    """Register the types of modules that are imported, and of the others as soon as they are."""
    for name in TYPES:
        if name in sys.modules:
            _register(sys.modules[name])
    if not any(isinstance(finder, _Later) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Later())


def _register(module: ModuleType) -> None:
    import hypothesis.strategies as st

    for name in TYPES[module.__name__]:
        if hasattr(module, name):  # a module that is being imported just now has not all of them yet
            st.register_type_strategy(getattr(module, name), partial(_strategy, name))


def _strategy(name: str, _kind: type) -> Any:
    return import_module("verify.strategies.types").STRATEGIES[name]()


class _Later(MetaPathFinder):
    """Lets the modules be imported as always, and registers their types then."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual specification of a module of :data:`TYPES`, with a loader that registers; None for any other."""
        if fullname not in TYPES:
            return None
        for finder in sys.meta_path:
            if isinstance(finder, _Later) or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Registering(spec.loader)
                return spec
        return None


class _Registering(Loader):
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the usual loader does."""
        spec.loader = self._loader
        made: ModuleType | None = self._loader.create_module(spec)
        spec.loader = self
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, which keeps its usual loader, and register its types."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _register(module)
