"""The command line of the checker."""

import argparse
import json
import os
import sys
from dataclasses import asdict

from .report import Report, check
from .statements import ASSUMPTIONS


def describe(report: Report) -> str:
    """The report in lines, without control characters (some of it is text from the file)."""
    lines = [
        f"{'ok  ' if item.ok else 'FAIL'} {item.id} ({item.kind}): claimed {item.claim}, derived {item.derived} {item.why}"
        if item.kind != "UNKNOWN"
        else f"--   {item.id}: nothing is claimed; the file says: {' '.join(item.why.split())[:200]!r}"
        for item in report.obligations + report.claims
    ]
    if report.ok:
        tie = report.tied or "the problem stored in the certificate; tie it to yours by --expect or --data"
        lines += [f"setting {report.setting}", f"problem {report.problem_id} ({tie})"]
        lines += [f"assumption: {note}" for note in ASSUMPTIONS]
        lines.append(f"CONFIRMED in {report.seconds:.1f} s. Verdict: {report.verdict}")
    else:
        lines.append(f"REJECTED: {report.reason}")
    return "\n".join("".join(c if " " <= c <= "~" else "?" for c in line) for line in lines)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="recheck", description="Check a convergence certificate.")
    parser.add_argument("certificate")
    parser.add_argument("--expect", metavar="ID", help="the problem id that the certificate has to be about")
    mine = "your own arrays (a, V as k x n, y, ...): they have to be the same bits"
    parser.add_argument("--data", metavar="NPZ", help=mine)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    try:
        report = check(options.certificate, options.expect, options.data)
    except KeyboardInterrupt:
        print("interrupted: nothing is confirmed", file=sys.stderr)
        return 130
    text = json.dumps(asdict(report) | {"ok": report.ok}, indent=1) if options.json else describe(report)
    try:
        print(text, flush=True)
    except OSError:  # the reader of the output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return report.code
