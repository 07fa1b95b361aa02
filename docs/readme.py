"""Keep the README's excerpt and figures what the command makes of examples/mri.toml.

python docs/readme.py write results/mri     copy the figures, put the report's conclusion into README.md
python docs/readme.py check results/mri     fail if a number of the excerpt is off by more than 2 %
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BEGIN, END = "<!-- mri-excerpt -->\n```text\n", "```\n<!-- /mri-excerpt -->"
FIGURES = {"reconstruction.png": "mri_reconstruction.png", "loss.svg": "mri_loss.svg"}
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
TOLERANCE = 0.02  # other versions of BLAS and SciPy step a little differently


def conclusion(result: Path) -> str:
    """The sentences that a report ends with, as they are in result.json, wrapped for the README."""
    sentences = json.loads((result / "result.json").read_text(encoding="utf-8"))["conclusion"]
    # How the integrator fared differs from machine to machine.
    sentences = [line for line in sentences if not line.startswith("The run ended")]
    return "".join(textwrap.fill(line, 118, subsequent_indent="  ") + "\n" for line in sentences)


def excerpt(readme: str) -> str:
    """What the README shows."""
    return readme[readme.index(BEGIN) + len(BEGIN) : readme.index(END)]


def main(action: str, result: Path) -> int:
    """Write or check; the exit code."""
    readme = README.read_text(encoding="utf-8")
    fresh, shown = conclusion(result), excerpt(readme)
    if action == "write":
        README.write_text(readme.replace(BEGIN + shown, BEGIN + fresh), encoding="utf-8")
        for source, target in FIGURES.items():
            shutil.copyfile(result / source, ROOT / "docs" / target)
        return 0
    old, new = NUMBER.findall(shown), NUMBER.findall(fresh)
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", fresh).split() or len(old) != len(new):
        print("README: the excerpt has other words than the command prints; run: python docs/readme.py write", result)
        return 1
    off = [(a, b) for a, b in zip(old, new, strict=True) if abs(float(a) - float(b)) > TOLERANCE * abs(float(b))]
    for a, b in off:
        print(f"README shows {a}, the command printed {b}")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
