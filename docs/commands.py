"""Keep the outputs of commands that the README shows what the commands print.

A block ``<!-- dipcert bounds … | lines 2-9 -->`` followed by a fenced text holds those lines of the command's output at 110
columns (all of them without a range).

python docs/commands.py           write the blocks
python docs/commands.py --check   fail if one is not what its command prints
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from click.testing import CliRunner

from verify.cli import main as dipcert

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCK = re.compile(
    r"(<!-- dipcert (?P<command>[^|>]*?)(?: \| lines (?P<first>\d+)-(?P<last>\d+))? -->\n```text\n)(?P<text>.*?)(```\n)",
    re.DOTALL,
)


def printed(command: str, first: str | None, last: str | None) -> str:
    """The lines of the output that the README wants; SystemExit with the error if the command fails."""
    os.environ["COLUMNS"] = "110"
    if "results/" in command:  # git ignores it, so a fresh clone has none; the README's first command makes it
        Path("results").mkdir(exist_ok=True)
    done = CliRunner().invoke(dipcert, shlex.split(command))
    if done.exit_code not in (0, 3):
        raise SystemExit(f"dipcert {command} failed: {done.output}")
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    if first is not None and last is not None:
        lines = lines[int(first) - 1 : int(last)]
    return "\n".join([f"$ dipcert {command}", *lines]) + "\n"


def fresh(readme: str) -> str:
    """The README with every block as its command prints it now."""
    return BLOCK.sub(lambda m: m[1] + printed(m["command"], m["first"], m["last"]) + m[6], readme)


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    readme = README.read_text(encoding="utf-8")
    now = fresh(readme)
    if arguments == ["--check"]:
        if now != readme:
            print("README.md shows what its commands no longer print; run: python docs/commands.py")
            return 1
        return 0
    README.write_text(now, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
