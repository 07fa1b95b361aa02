"""Execute every notebook here from its own folder; a failing cell or assertion fails. Usage: execute.py [OUTPUT_DIR]."""

from __future__ import annotations

import sys
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
        NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}
        ).execute()
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        print(f"{path.name}: {cells} code cells executed")
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, out / path.name)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
