"""Keep the tables of a finished study under docs/results/, where the README and the docs take their numbers from, with
provenance.csv, which says what they were made from.

python workflow/scripts/keep_tables.py --study demo
"""

import argparse
import shutil
from pathlib import Path

import pandas as pd

from lungfuse.errors import UserError
from lungfuse.files import sha256
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.plan.plan import Plan
from lungfuse.report.sharing import suppressed_csv
from lungfuse.settings.params import read_params
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import Provenance

KEPT = Path("docs/results")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", required=True)
    plan = Plan(*load_study(read_params(PARAMS) | {"study": parser.parse_args().study}))
    for kept in keep(plan, KEPT / plan.name):
        print(kept)


def keep(plan: Plan, folder: Path) -> list[Path]:
    """Copy the tables of scores and counts, which hold nothing of a patient, and say what they were made from.

    What provenance.csv says by name of another table in the folder, made in another way, stays.

    Raises:
        UserError: a table is missing, or has been made anew since its provenance was written down.
    """
    provenance = provenance_of(plan)
    file = folder / plan.layout.table("provenance").name
    others = {path.name for path in folder.glob("*.csv")} - {file.name, *(path.name for path in plan.score_tables)}
    if others and file.exists():
        before = read_table(file, Provenance)
        provenance = pd.concat([provenance, before[before["name"].isin(others)]])
    folder.mkdir(parents=True, exist_ok=True)
    for table in plan.score_tables:
        shutil.copyfile(table, folder / table.name)
    if plan.study.share == "aggregate":
        provenance = _without_few(provenance, [folder / table.name for table in plan.score_tables])
    write_table(provenance, file, Provenance)
    return [*(folder / table.name for table in plan.score_tables), file]


def _without_few(provenance: pd.DataFrame, kept: list[Path]) -> pd.DataFrame:
    """What was said of kept tables, once counts of few cases are taken from them."""
    for file in kept:
        file.write_text(suppressed_csv(file.read_text(encoding="utf-8")), encoding="utf-8")
        provenance.loc[(provenance["what"] == "table") & (provenance["name"] == file.name), "sha256"] = sha256(file)
    return provenance


def provenance_of(plan: Plan) -> pd.DataFrame:
    """What the tables of scores were made from."""
    file = plan.layout.table("provenance")
    if missing := [str(table) for table in [*plan.score_tables, file] if not table.exists()]:
        raise UserError(f"{', '.join(missing)}: not found. Run the study first: snakemake --config study={plan.name}")
    provenance = read_table(file, Provenance)
    known = provenance[provenance["what"] == "table"].set_index("name")["sha256"]
    if other := [str(table) for table in plan.score_tables if known.get(table.name) != sha256(table)]:
        raise UserError(
            f"{file}: is not of {', '.join(other)}, made at another time. Run the study again: "
            f"snakemake --config study={plan.name}"
        )
    return provenance


if __name__ == "__main__":
    main()
