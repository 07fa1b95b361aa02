"""The command: `python -m benchmarks`."""

from __future__ import annotations

import datetime
import json
import sys
import time
from pathlib import Path

import click

from benchmarks import machine, page, tables
from benchmarks.comparisons import COMPARISONS
from benchmarks.contest import NEURAL_TANGENTS, Setup
from benchmarks.remote import ROOT

RESULTS = Path(__file__).resolve().parent / "results"


@click.command(help="Compare dipcert with its peers, side by side in one run; see benchmarks/README.md.")
@click.option("--list", "show", is_flag=True, help="Say what there is, and end.")
@click.option("--only", multiple=True, type=click.Choice(list(COMPARISONS)), help="One comparison; may be repeated.")
@click.option("--case", "cases", multiple=True, help="One case of sigma_min or flow by its name; may be repeated.")
@click.option("--quick", is_flag=True, help="Smallest cases, few rounds: a check that everything works, no figures.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder of the results.")
@click.option("--repeat", type=click.IntRange(min=1), default=None, help="Rounds: samples of each contender (11).")
@click.option("--timeout", type=click.FloatRange(min=1.0), default=300.0, help="Seconds that one run may take (300).")
@click.option(
    "--memory", type=click.FloatRange(min=0.0), default=None, help="GB a contender may allocate (0: no limit)."
)
@click.option("--seed", type=int, default=0, help="Seed of the instances (0).")
@click.option(
    "--neural-tangents-python", type=click.Path(exists=True, dir_okay=False), help="Python of its environment."
)
@click.option("--readme", is_flag=True, help="Only put the table of --out into README.md.")
def main(
    show: bool,
    only: tuple[str, ...],
    cases: tuple[str, ...],
    quick: bool,
    out: Path | None,
    repeat: int | None,
    timeout: float,
    memory: float | None,
    seed: int,
    neural_tangents_python: str | None,
    readme: bool,
) -> None:
    """Run the comparisons, writing each as soon as it is finished."""
    if show:
        for name, module in COMPARISONS.items():
            click.echo(f"{name:10} {module.TITLE}")
        return
    if out is None:
        if quick:
            raise click.UsageError("--quick makes no figures worth keeping: say with --out where they are to go")
        out = RESULTS
    if readme:
        path = ROOT / "README.md"
        block = (out / "readme.md").read_text(encoding="utf-8")
        path.write_text(page.into(path.read_text(encoding="utf-8"), block), encoding="utf-8")
        return
    out.mkdir(parents=True, exist_ok=True)
    interpreters = {NEURAL_TANGENTS: neural_tangents_python} if neural_tangents_python else {}
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun:6.0f} s] {line}", file=sys.stderr, flush=True)

    limit = int(0.7 * machine.available_memory()) if memory is None else int(memory * 1e9)
    setup = Setup(repeat or (3 if quick else 11), interpreters, limit, timeout, quick, seed, say, cases)
    described = machine.describe(interpreters)
    for name in only or COMPARISONS:
        rows = COMPARISONS[name].run(setup)
        tables.write_csv(rows, out / f"{name}.csv")
        path = out / "machine.json"
        machines = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        machines[name] = {"machine": described, "date": date, "rounds": setup.rounds, "seed": seed}
        path.write_text(json.dumps(machines, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        page.write(out)
        click.echo(f"\n{COMPARISONS[name].TITLE}\n\n{tables.markdown(rows)}")


if __name__ == "__main__":
    main()
