"""The strategies of `st.from_type`, by the name of the type: see :mod:`verify.hypothesis_plugin`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from verify.strategies.parts import losses, operators
from verify.strategies.worlds import deep, engines, quadratic, two_layer, worlds

__all__ = ["STRATEGIES"]

STRATEGIES: Mapping[str, Callable[[], SearchStrategy[Any]]] = MappingProxyType(
    {
        "World": worlds,
        "CompiledLoss": losses,
        "Linear": lambda: st.integers(1, 3).flatmap(lambda n: operators(n, kind="linear")),
        "Sine": lambda: st.integers(1, 3).flatmap(lambda n: operators(n, kind="sine")),
        "Quadratic": lambda: quadratic().map(lambda world: world.generator),
        "TwoLayerGenerator": lambda: two_layer().map(lambda world: world.generator),
        "DeepGenerator": lambda: deep().map(lambda world: world.generator),
        "Engine": lambda: st.one_of(engines("flow"), engines("descent")),
    }
)
"""Name of a type → its strategy."""
