"""The claim `wonly.threshold`: W only, the data are the image of a point of the open box phi(R)^k."""

from __future__ import annotations

from .book import Book
from .parts import Claim


def threshold(book: Book) -> list[Claim]:
    """The claim, in a list; none where the theorem is about something else (V trained, a factor C)."""
    return []
