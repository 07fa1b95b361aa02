"""Are certificates true, and are they found? Instances whose numbers are known to 60 digits, on both sides of the conditions.

    python -m benchmarks.certificates --instances 2000
    python -m benchmarks.certificates --lies

Every instance is certified as it stands, the files are taken to the checker, and both are held against the truth: a verdict
PROVED where the condition fails, REFUTED where it holds, a bound or a conclusion on the wrong side of the true number, a claim
just past the truth that the checker confirms, an honest certificate that it rejects - each of these has to occur 0 times.

With --lies, changed certificates instead: every family of tests/verify/certificate_mutations.py on
every honest certificate, of which the tests take a part. None may be confirmed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.verify.certificate_cases import CONDITIONS, Case, cases
from tests.verify.certificate_files import Box, honest, refused
from tests.verify.certificate_mutations import FAMILIES, no_lie
from tests.verify.certificate_truth import Truth, X, rational
from verify import recheck
from verify.certificate import Certificate, certify

#: How far past the truth the claims are pushed that the checker has to refuse.
PUSHES = (1e-6, 1e-9, 1e-12)
#: The margin from which on a verdict is expected, and the share of instances that have to get it.
MARGIN, SHARE = 0.01, 0.99


@dataclass
class Tally:
    """What was found. verdicts: (family, statement, side, verdict) -> count; side: "holds" or "fails" by at least MARGIN, or
    "near"; "fails (C)" where the operator has a factor C, so that nothing can be refuted. wrong: everything that must not be."""

    verdicts: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def share(self, side: str, verdict: str) -> tuple[int, int]:
        """How many of the claims on a side have a verdict, and how many there are."""
        on_side = {key: count for key, count in self.verdicts.items() if key[2] == side}
        return sum(count for key, count in on_side.items() if key[3] == verdict), sum(on_side.values())

    def of(self, verdict: str, family: str = "", statement: str = "") -> int:
        """Claims with a verdict (of a family, of a statement)."""
        return sum(
            count for key, count in self.verdicts.items()
            if key[3] == verdict and family in ("", key[0]) and statement in ("", key[1])
        )  # fmt: skip

    def passed(self, share: float = SHARE) -> bool:
        """Whether nothing is wrong and the shares are reached."""
        parts = [self.share("holds", "PROVED"), self.share("fails", "REFUTED")]
        return not self.wrong and all(found >= share * total for found, total in parts)


def examine(case: Case, folder: Path, tally: Tally, name: str) -> None:
    """One instance: certify, check, compare with the truth."""
    began = time.perf_counter()
    certificate = certify(case.subject, at="start")
    made = time.perf_counter()
    path, _ = certificate.write(folder / "cert.json")
    written = time.perf_counter()
    report = recheck.check(str(path))
    checked = time.perf_counter()
    truth = Truth(case.subject)
    tally.counts["instances"] += 1
    if not report.ok:
        tally.wrong.append(f"{name}: an honest certificate is rejected: {report.reason}")
    elif report.verdict != certificate.verdict:
        tally.wrong.append(f"{name}: the checker says {report.verdict}, the certifier {certificate.verdict}")
    _verdicts(certificate, case, truth, tally, name)
    _numbers(certificate, truth, tally, name)
    known = time.perf_counter()
    _pushed(path, truth, tally, name)
    tally.seconds.update(
        {"certify": made - began, "write": written - made, "check": checked - written, "truth": known - checked}
    )


def _verdicts(certificate: Certificate, case: Case, truth: Truth, tally: Tally, name: str) -> None:
    for claim in certificate.claims:
        if claim.statement not in CONDITIONS:
            tally.counts[f"{claim.statement} {claim.verdict}"] += 1
            continue
        ratio = truth.ratio(claim.statement)
        side = "holds" if ratio <= 1 - MARGIN else "fails" if ratio >= 1 + MARGIN else "near"
        if side == "fails" and case.subject.C is not None:
            side = "fails (C)"
        tally.verdicts[case.family, claim.statement, side, claim.verdict] += 1
        tally.counts["claims"] += 1
        tally.counts["claims that are false"] += bool(ratio >= 1)
        if (claim.verdict == "PROVED" and ratio >= 1) or (claim.verdict == "REFUTED" and ratio < 1):
            tally.wrong.append(
                f"{name}: {claim.statement} {claim.verdict}, but the ratio is 1 + {X.nstr(ratio - 1, 5)}"
            )
        if (side, claim.verdict) in {("holds", "UNKNOWN"), ("fails", "UNKNOWN")}:
            tally.missed.append(f"{name}: {claim.statement}, ratio {X.nstr(ratio, 5)}: {claim.reason}")


def _numbers(certificate: Certificate, truth: Truth, tally: Tally, name: str) -> None:
    """Obligations and conclusions against the true numbers."""
    for item in certificate.obligations:
        if hasattr(truth, item.kind.rsplit("_", 1)[0]):
            true, sign = truth.of_kind(item.kind)
            tally.counts["bounds"] += 1
            if sign * (X.mpf(item.claim) - true) < 0:
                tally.wrong.append(f"{name}: {item.kind} claims {item.claim!r}, the truth is {X.nstr(true, 20)}")
    for claim in certificate.claims:
        if claim.verdict != "PROVED" or not truth.holds(claim.statement):
            continue
        given = dict(claim.conclusions)
        stop = given.pop("stop", {})
        given |= {"time": stop["time"]} if stop else {}
        for key, (true, sign) in truth.conclusions(claim.statement, stop.get("level")).items():
            tally.counts["conclusions"] += 1
            if sign * (X.mpf(given[key]) - true) < 0:
                tally.wrong.append(f"{name}: {claim.statement}: {key} is {given[key]!r}, the truth {X.nstr(true, 20)}")


def _pushed(path: Path, truth: Truth, tally: Tally, name: str) -> None:
    """The checker alone: every obligation claimed just past the truth, and the limit of the recovery just below it."""
    document = json.loads(path.read_text())
    honest = json.dumps(document)
    for push in PUSHES:
        document = json.loads(honest)
        pushed = set()
        for item in document["obligations"]:
            if not hasattr(truth, item["kind"].rsplit("_", 1)[0]):
                continue
            true, sign = truth.of_kind(item["kind"])
            if true > 1e-40:  # 0 or one rounding of the truth itself else
                item["claim"] = rational(true * (1 - sign * X.mpf(push)))
                pushed.add(item["id"])
        path.write_text(json.dumps(document))
        for outcome in recheck.check(str(path)).obligations:
            tally.counts["pushed bounds"] += outcome.id in pushed
            if outcome.id in pushed and outcome.ok:
                tally.wrong.append(f"{name}: {outcome.kind} is confirmed {push:g} past the truth")
        _pushed_conclusions(path, json.loads(honest), truth, push, tally, name)


def _pushed_conclusions(path: Path, document: Any, truth: Truth, push: float, tally: Tally, name: str) -> None:
    pushed = {}
    for claim in document["claims"]:
        if claim["verdict"] != "PROVED" or not truth.holds(claim["statement"]):
            continue
        # all of them would hide one another: the last one of each claim (the rate, the length, the limit)
        key, (true, sign) = list(truth.conclusions(claim["statement"]).items())[-1]
        if true > 1e-40:
            claim["conclusions"][key] = rational(true * (1 - sign * X.mpf(push)))
            pushed[claim["statement"]] = key
    path.write_text(json.dumps(document))
    for outcome in recheck.check(str(path)).claims if pushed else ():
        tally.counts["pushed conclusions"] += outcome.id in pushed
        if outcome.id in pushed and (outcome.ok or "not proved" not in outcome.why):
            tally.wrong.append(
                f"{name}: {outcome.id}: {pushed[outcome.id]} is confirmed {push:g} past the truth ({outcome.why})"
            )


def survey(some: Iterable[Case], tally: Tally | None = None) -> Tally:
    """All of the instances."""
    tally = Tally() if tally is None else tally
    with tempfile.TemporaryDirectory() as folder:
        for i, case in enumerate(some):
            examine(case, Path(folder), tally, f"instance {i} ({case.family}, {case.target} at {case.eta:g})")
    return tally


def _lines(tally: Tally) -> Iterable[str]:
    counts = tally.counts
    false = [line for line in tally.wrong if " PROVED, but " in line]
    yield f"{counts['instances']} instances, {counts['claims']} claims, {counts['claims that are false']} of them false"
    for statement in CONDITIONS:
        row = ", ".join(
            f"{tally.of(verdict, statement=statement)} {verdict}" for verdict in ("PROVED", "REFUTED", "UNKNOWN")
        )
        yield f"  {statement}: {row}"
    yield f"false PROVED: {len(false)}"
    yield (
        f"{counts['bounds']} bounds and {counts['conclusions']} conclusions against 60 digits; {counts['pushed bounds']} bounds "
        f"and {counts['pushed conclusions']} conclusions pushed past the truth; everything that must not be: {len(tally.wrong)}"
    )
    for side, verdict in (("holds", "PROVED"), ("fails", "REFUTED")):
        found, total = tally.share(side, verdict)
        yield f"{verdict} where the condition {side} by {MARGIN:.0%} or more: {found} of {total} ({found / max(1, total):.2%})"
    each = {name: 1e3 * seconds / max(1, counts["instances"]) for name, seconds in tally.seconds.items()}
    yield "ms an instance: " + ", ".join(f"{name} {value:.1f}" for name, value in each.items())


def lies() -> int:
    """Every changed certificate; exit status 1 if one is confirmed, raises an exception or takes 10 seconds."""
    confirmed, slow, longest = [], [], 0.0
    codes: Counter[tuple[str, int]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        box = Box(Path(folder))
        for family, make in FAMILIES.items():
            for name, files in honest().items():
                for attempt in make(files):
                    began = time.perf_counter()
                    report = box.check(attempt)
                    seconds = time.perf_counter() - began
                    longest = max(longest, seconds)
                    slow += [f"{name}: {attempt.what}: {seconds:.0f} s"] if seconds > 10 else []
                    codes[family, report.code] += 1
                    if not refused(report) and not no_lie(name, attempt.what):
                        confirmed.append(f"{family}, {name}: {attempt.what}: exit code {report.code}")
    for family in FAMILIES:
        print(
            f"{family}: "
            + ", ".join(f"{codes[family, code]} with exit code {code}" for code in range(4) if codes[family, code])
        )
    same = codes.total() - sum(count for (_, code), count in codes.items() if code in (1, 2))
    print(
        f"{codes.total()} changed certificates; confirmed: {len(confirmed)} ({same} changed nothing); longest {longest:.1f} s"
    )
    print(*confirmed[:50], *slow[:50], sep="\n", end="")
    return 1 if confirmed or slow else 0


def main() -> int:
    """The command; exit status 1 if a figure is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certificates", description=__doc__)
    parser.add_argument("--instances", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lies", action="store_true", help="try every changed certificate instead")
    options = parser.parse_args()
    if options.lies:
        return lies()
    if options.instances < 1:
        parser.error("--instances has to be positive")
    began = time.perf_counter()
    tally = survey(cases(options.instances, options.seed))
    for line in (*_lines(tally), *tally.wrong[:50], *tally.missed[:20]):
        print(line)
    print(f"{time.perf_counter() - began:.0f} s: {'passed' if tally.passed() else 'MISSED'}")
    return 0 if tally.passed() else 1


if __name__ == "__main__":
    sys.exit(main())
