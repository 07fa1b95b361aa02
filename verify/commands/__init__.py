"""The commands of ``dipcert``, one file each; a new one needs its file and its line in :data:`COMMANDS`.

Nothing heavy is imported here: `--help` reads the names and the one-line summaries from this table, and a command's
file is imported when that command is called.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COMMANDS"]

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("verify.commands.run", "Build a problem, state what is guaranteed for it, run it, and compare."),
    "bounds": ("verify.commands.bounds", "Evaluate a statement's formulas and conditions at given constants."),
}
"""Command → (module whose ``command`` is the click command, summary shown by ``dipcert --help``)."""
