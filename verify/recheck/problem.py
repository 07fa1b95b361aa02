"""The problem as declared: its form, its shapes and its arrays."""

from __future__ import annotations

import math
import os
import re
from array import array
from functools import cached_property
from typing import Any

from flint import arb

from .activations import ACTIVATIONS
from .files import Arrays, Declared
from .matrices import Fix
from .strict import keys, need, number

BITS, SIDE_LIMIT = 60, 2 * 10**6  # bits of witnesses below their largest entry; largest side of an array
CHOICES = {"network": ("two_layer",), "activation": ACTIVATIONS, "train": ("both", "W")}
CHOICES["loss"] = ("least_squares", "weighted_least_squares")
ARRAYS = {"a": "k", "V": "kn", "y": "m", "R": "pn", "C": "mp", "weights": "m", "signal": "n"}
WITNESSES = {"L_J": "nn", "z_F": "m", "w_sigma0": "p", "hbar": "k"}
WITNESSES |= dict.fromkeys(["N", "N_C", "N_sigma0", "N_V", "L_N", "L_N_C", "L_N_sigma0", "L_N_V"], "pp")
WITNESSES |= dict.fromkeys(["L_sigma0", "L_V", "L_PKQ", "L_T"], "pp")


def _shape(item: Any, name: str) -> tuple[tuple[int, ...], str]:
    """The declared (shape, SHA-256)."""
    shape, digest = (keys(item, name, "shape sha256")[key] for key in ("shape", "sha256"))
    need(isinstance(shape, list) and len(shape) in (1, 2), f"{name}: a shape has one or two sides")
    need(all(type(side) is int and 1 <= side <= SIDE_LIMIT for side in shape), f"{name}: a side is out of range")
    need(isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest) is not None, f"{name}: not a SHA-256")
    return tuple(shape), digest


class Declaration:
    """The declared problem (in the notation of the package's docstring) and its arrays."""

    def __init__(self, declared: Any, witnesses: Any) -> None:
        top = keys(declared, "problem", "network activation train loss scale arrays")
        for key, known in CHOICES.items():
            need(isinstance(top[key], str) and top[key] in known, f"the {key} has to be one of {', '.join(known)}")
        self.activation, self.scale = top["activation"], number(top["scale"], "scale")
        self.both, weighted = top["train"] == "both", top["loss"] == "weighted_least_squares"
        need(self.scale > 0, "scale has to be positive")
        given = keys(top["arrays"], "arrays", "a V y", "R C weights signal")
        self.declared: Declared = {name: _shape(item, name) for name, item in given.items()}
        self.R, self.C, self.weighted = "R" in given, "C" in given, "weights" in given
        V, y, R = (self.declared[name][0] for name in ("V", "y", "R" if self.R else "V"))
        need(len(V) == 2 and len(y) == 1, "V has to be a matrix (k x n), y a vector")
        self.k, self.n, self.m, self.p = *V, *y, R[0] if self.R else V[1]
        fits = self.p <= self.n and self.p <= self.m and (self.C or self.p == self.m)
        need(fits, "the shapes of C, R, V and y do not fit")
        need(self.weighted == weighted, "weights belong to the weighted loss, and only there")
        need(not (self.weighted and self.C), "weights are possible only without C")
        need(isinstance(witnesses, dict) and set(witnesses) <= set(WITNESSES), "an unknown witness is declared")
        self.witnesses: Declared = {name: _shape(item, name) for name, item in witnesses.items()}
        for name, (shape, _) in (self.declared | self.witnesses).items():
            needed = tuple(getattr(self, side) for side in (ARRAYS | WITNESSES)[name])
            need(shape == needed, f"{name} has the shape {shape}, needed {needed}")
        #: What the words of the tables of bounds and claims mean here.
        self.has = {"R": self.R, "C": self.C, "both": self.both, "signal": "signal" in given}
        self.has |= {"injective": not self.R or self.p == self.n, "one-factor": self.R != self.C}
        self.wants: set[str] = set()  # what the sweep over V has to collect
        self.fixed: dict[str, Fix] = {}

    def needed(self, words: str) -> list[str]:
        """The words that apply here: "N?R" is N, and only if R is present."""
        split = (word.partition("?") for word in words.split())
        return [word for word, _, condition in split if not condition or self.has[condition]]

    def open(self, path: str) -> None:
        """Open the data file and read all of it once: hashes, finiteness, weights."""
        self.arrays = Arrays(path, self.declared | {"w_" + name: item for name, item in self.witnesses.items()})
        self.tops = {name: self.arrays.largest(name) for name in self.arrays.declared}
        if self.weighted:
            need(min(self.values("weights")) > 0, "weights have to be positive")

    def compare(self, path: str) -> None:
        """Reject unless the file holds the same arrays of the problem, bit for bit."""
        original = Arrays(path, self.declared, exact=False)
        found = {name for name in original.file.namelist() if not name.startswith("w_")}  # witnesses are no data
        others = sorted(found - {f"{name}.npy" for name in self.declared})
        hint = "the arrays are a, V (k x n), y, and R and/or C (not T)"
        need(
            not others,
            f"{os.path.basename(path)} has arrays that the certificate lacks ({', '.join(others)[:200]}): {hint}",
        )
        for name in self.declared:
            original.largest(name)

    def beside(self, path: str, name: Any) -> str:
        """The path of the data file, which lies beside the certificate."""
        plain = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.npz", name) is not None
        need(plain, "data has to be a plain file name that ends in .npz")
        return os.path.join(os.path.dirname(os.path.abspath(path)), name)

    def values(self, name: str) -> array[float]:
        """All entries of an array."""
        (whole,) = self.arrays.rows(name)  # to the end, where the hash is compared
        return whole

    def fix(self, name: str, bits: int = 2 * BITS) -> Fix:
        """The array as a matrix (a vector is a column), with the error of its cut."""
        if name not in self.fixed:
            shape = self.arrays.declared[name][0]
            self.fixed[name] = Fix.of(self.values(name), shape[0], math.prod(shape[1:]), bits)
        return self.fixed[name]

    def witness(self, name: str) -> Fix:
        """A witness: the cut matrix is the witness, so there is no error."""
        return self.fix("w_" + name, BITS).exact

    @cached_property
    def signal(self) -> array[float]:
        """The signal xbar."""
        need(self.has["signal"], "the problem has no signal")
        return self.values("signal")

    @cached_property
    def w_min(self) -> Any:
        """The smallest weight, exactly."""
        return arb(min(self.values("weights"))) if self.weighted else arb(1)
