"""The same verdicts on both engines, on a few instances; `python -m benchmarks.verdicts` looks at the whole pool."""

from collections import Counter

from benchmarks import verdicts
from verify.verdict import Verdict


def test_both_engines_lead_to_the_same_verdicts():
    counts = Counter()
    differences = [each for one in list(verdicts.flows())[::16] for each in verdicts.compare(one, counts)]
    assert not [each for each in differences if each.contradictory]
    assert len(differences) <= 0.02 * sum(counts.values())
    assert counts[Verdict.HOLDS, Verdict.HOLDS] > 50
