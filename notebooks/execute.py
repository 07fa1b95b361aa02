"""Execute every notebook here from its own folder; a failing cell or assertion fails, and so does a figure that is not shown.

Usage: execute.py [OUTPUT_DIR].
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def main(out: Path | None) -> int:
    """Run all notebooks; write the executed copies to `out` if it is given."""
    notebooks = sorted(HERE.glob("[0-9]*.ipynb"))
    if not notebooks:
        print("no notebooks found")
        return 1
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        began = time.monotonic()
        NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}
        ).execute()
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        print(f"{path.name}: {cells} code cells executed in {time.monotonic() - began:.1f} s")
        if hidden := unseen(notebook):
            print(f"{path.name}: cell {hidden} makes a figure that nobody sees; put %matplotlib inline before it")
            return 1
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, out / path.name)
    return 0


def unseen(notebook: nbformat.NotebookNode) -> str:
    """The identifier of a cell whose figure came out as text; empty if there is none."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.get("text/plain", "").startswith("<Figure") and not any(kind.startswith("image/") for kind in data):
                return str(cell["id"])
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
