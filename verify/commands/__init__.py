"""The commands of ``dipcert``, one file each; a new one needs its file and its line in :data:`COMMANDS`.

Nothing heavy is imported here: `--help` reads the names and the one-line summaries from this table, and a command's
file is imported when that command is called.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COMMANDS"]

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("verify.commands.run", "Build a problem, state what is guaranteed for it, run it, and compare."),
    "certify": ("verify.commands.certify", "Write a proof of convergence that anyone can recheck."),
    "recheck": ("verify.commands.recheck", "Confirm a certificate with exact arithmetic."),
    "list": ("verify.commands.list_", "List the statements of the theory, with their computed status."),
    "show": ("verify.commands.show", "Show a statement or a symbol: text, formulas, proof, status, sources."),
    "graph": ("verify.commands.graph", "Draw what rests on what, coloured by status."),
    "width": ("verify.commands.width", "How wide the network has to be, by every theorem; what a width promises."),
    "cite": ("verify.commands.cite", "How to cite dipcert, or the sources of a statement."),
    "verify": ("verify.commands.verify", "Property suites: every statement against runs of small random instances."),
    "audit": ("verify.commands.audit", "Hold statements and proof steps against a pool of instances; hunt mutants."),
    "report": ("verify.commands.report", "Make a page of an audit that was written to a directory."),
    "falsify": ("verify.commands.falsify", "Search for an instance that shows a hypothesis to be needed."),
    "replay": ("verify.commands.replay", "Run a saved counterexample again and compare."),
    "sweep": ("verify.commands.sweep", "Run an experiment on a grid: resumable, on one machine or a Dask cluster."),
    "bounds": ("verify.commands.bounds", "Evaluate a statement's formulas and conditions at given constants."),
}
"""Command → (module whose ``command`` is the click command, summary shown by ``dipcert --help``)."""
