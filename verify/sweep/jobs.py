"""Which replicas are next, and how many at once: batches of about half a second, what takes long first."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence

from verify.sweep.store import Job

__all__ = ["Jobs"]

_SECONDS = 0.5
_LARGEST = 500
_SHARES = 4


class Jobs:
    """The replicas that are still to be computed.

    First comes one replica of every cell, from which one knows how long the others take; then the others, the longest first
    so that nobody waits for them at the end.  Otherwise the order is left to chance: two sweeps that work on one store then
    seldom take the same replica.  The order has no influence on any result.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._chance = random.Random()
        shuffled = list(jobs)
        self._chance.shuffle(shuffled)
        first = {cell: (cell, replica) for cell, replica in shuffled}
        self._pilots = deque(first.values())
        self._waiting = deque(job for job in shuffled if first[job[0]] != job)
        self._again: deque[Job] = deque()
        self._sorted = False
        self._open = Counter(cell for cell, _ in jobs)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._count: Counter[str] = Counter()
        self._total_seconds, self._total_count = 0.0, 0

    def __len__(self) -> int:
        return len(self._pilots) + len(self._waiting) + len(self._again)

    @property
    def again(self) -> Job | None:
        """The next one over which a worker died; None if there is none."""
        return self._again[0] if self._again else None

    def take(self, workers: int = 1) -> list[Job]:
        """The next batch: one replica as long as nothing is known about their time; empty if nothing is left.

        Towards the end batches get smaller: the last ones even out the load.
        """
        if self._again:  # one by one: one of them may be what killed a worker
            return [self._again.popleft()]
        if not self._pilots and not self._sorted:
            ordered = sorted(self._waiting, key=lambda job: -round(math.log(self._expected(job[0]), 4.0)))
            self._waiting, self._sorted = deque(ordered), True
        queue = self._pilots or self._waiting
        batch: list[Job] = []
        ahead = 0.0
        mean = self._total_seconds / max(self._total_count, 1)
        most = min(_SECONDS, len(self) * mean / (_SHARES * workers))
        while queue and len(batch) < _LARGEST:
            ahead += self._expected(queue[0][0]) if self._count else math.inf
            if batch and ahead > most:
                break
            batch.append(queue.popleft())
        return batch

    def put_back(self, jobs: Iterable[Job], *, alone: bool = False) -> None:
        """Jobs that were taken and not done; `alone`: each in a batch of its own, as a worker died over them."""
        (self._again if alone else self._waiting).extendleft(jobs)

    def done(self, cell: str, seconds: float | None = None) -> None:
        """A replica of that cell is there; how long it took, if it was computed here."""
        self._open[cell] -= 1
        if seconds is not None:
            self._seconds[cell] += max(seconds, 1e-9)
            self._count[cell] += 1
            self._total_seconds += seconds
            self._total_count += 1

    @property
    def left(self) -> float:
        """Computing time of what is still open, in seconds; NaN while nothing is known."""
        if not self._count:
            return math.nan
        return math.fsum(count * self._expected(cell) for cell, count in self._open.items() if count > 0)

    def _expected(self, cell: str) -> float:
        """Mean over what this cell took, or all cells."""
        if self._count[cell]:
            return self._seconds[cell] / self._count[cell]
        return self._total_seconds / self._total_count if self._total_seconds else 1.0
