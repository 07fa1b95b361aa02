"""Do the audits say the same on the new engine as on an explicit method at a tight tolerance?

    python -m benchmarks.verdicts

Every instance of the audit's pool that is a gradient flow is run twice, as the audit runs it and by DOP853 at rtol 1e-12;
every statement with two sides is judged on both runs.  The stored times of the first are those of the second.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from threadpoolctl import threadpool_limits

from theory.claim import claim_of
from theory.ledger import registry
from verify.claims import check_scene
from verify.engine import simulate
from verify.pool import Instance, instances
from verify.verdict import Verdict


@dataclass(frozen=True)
class Difference:
    """A statement that is judged differently on an instance."""

    instance: str
    statement: str
    ours: Verdict
    explicit: Verdict

    @property
    def contradictory(self) -> bool:
        """Whether one says violated and the other does not."""
        return (self.ours is Verdict.VIOLATED) != (self.explicit is Verdict.VIOLATED)


def flows(depth: str = "dev") -> Iterator[Instance]:
    """The gradient flows of the pool."""
    return (one for one in instances(depth) if one.engine.kind == "flow")  # type: ignore[arg-type]


def compare(instance: Instance, counts: Counter[tuple[Verdict, Verdict]]) -> list[Difference]:
    """The differences on one instance; `counts` gets every pair of verdicts."""
    scene = simulate(instance.world, instance.engine)
    times = tuple(float(t) for t in scene.record.t[1:])
    tight = replace(instance.engine, method="DOP853", rtol=1e-12, times=times[:-1], t_max=times[-1], loss_ratio=0.0)
    other = simulate(instance.world, replace(tight, max_steps=200_000))
    found = []
    for key, item in registry.items():
        if item.conclusion is None or item.kind in ("assumption", "trusted"):
            continue
        claim = claim_of(key, registry)
        ours, explicit = (check_scene(claim, each).verdict for each in (scene, other))
        counts[ours, explicit] += 1
        if ours is not explicit:
            found.append(Difference(instance.name, key, ours, explicit))
    return found


def main(arguments: Iterable[str] | None = None) -> int:
    """The command: exit code 1 if one engine finds a violation where the other does not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__.split("\n")[0])
    parser.add_argument("--depth", choices=("dev", "ci", "deep"), default="dev", help="of the pool (default dev)")
    given = parser.parse_args(None if arguments is None else list(arguments))
    counts: Counter[tuple[Verdict, Verdict]] = Counter()
    differences: list[Difference] = []
    pool = list(flows(given.depth))
    with threadpool_limits(limits=1):
        for instance in pool:
            differences += compare(instance, counts)
    same = sum(n for (ours, explicit), n in counts.items() if ours is explicit)
    print(f"{len(pool)} flows, {sum(counts.values())} judgements: {same} the same, {len(differences)} different")
    for difference in differences:
        print(f"  {difference.instance}: {difference.statement}: {difference.ours}, DOP853 {difference.explicit}")
    return int(any(difference.contradictory for difference in differences))


if __name__ == "__main__":
    sys.exit(main())
