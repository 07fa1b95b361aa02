"""What identifies a cell: its content. Key and random numbers follow from it, never from its place in a grid."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np

__all__ = ["canonical", "cell_key", "stream"]


def canonical(kind: str, seed: int, config: Any) -> str:
    """The resolved configuration of a cell as canonical JSON: every parameter, sorted keys, no blanks, floats by repr."""
    plain = {"kind": kind, "seed": seed, "parameters": dataclasses.asdict(config)}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def cell_key(kind: str, seed: int, config: Any) -> str:
    """SHA-256 (hexadecimal) of :func:`canonical`."""
    return hashlib.sha256(canonical(kind, seed, config).encode()).hexdigest()


def stream(key: str, replica: int) -> np.random.Generator:
    """The random numbers of a replica: child `replica` of the seed that the key of its cell is, as a number.

    >>> bool(stream("ff", 1).integers(2**40) == stream("ff", 1).integers(2**40))
    True
    """
    return np.random.default_rng(np.random.SeedSequence(int(key, 16), spawn_key=(replica,)))
