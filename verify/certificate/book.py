"""The obligations of one certificate: each is made from the evidence when a claim asks for it, and kept with its witnesses.

Claims are the proved bounds moved outward by :data:`verify.certificate.linear.SLACK`, so that the checker's own derivation,
which rounds differently, confirms them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .kernel import Kernel
from .linear import Norm, higher, lower
from .parts import Obligation
from .subject import Subject

Array = NDArray[np.float64]


class Book:
    """Obligations by id and witnesses by name. A method returns None where nothing can be proved."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.obligations: dict[str, Obligation] = {}
        self.witnesses: dict[str, Array] = {}

    @property
    def subject(self) -> Subject:
        """The problem."""
        return self.evidence.subject

    def _enter(self, name: str, make: Callable[[], Obligation | None]) -> Obligation | None:
        if name not in self.obligations:
            made = make()
            if made is None:
                return None
            self.obligations[name] = made
        return self.obligations[name]
