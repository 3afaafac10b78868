"""Keep the tables of a finished study under docs/results/, where the README and the docs take their numbers from.

python workflow/scripts/keep_tables.py --study demo
"""

import argparse
import shutil
from pathlib import Path

from lungfuse.errors import UserError
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params

KEPT = Path("docs/results")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", required=True)
    study = parser.parse_args().study
    for table in scores_of(Plan(*load_study(read_params(PARAMS) | {"study": study}))):
        kept = KEPT / study / table.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(table, kept)
        print(kept)


def scores_of(plan: Plan) -> list[Path]:
    """The tables that hold scores and counts, and nothing of a patient.

    Raises:
        UserError: one is missing.
    """
    analyses = [plan.layout.table(name) for name, spec in plan.analyses.items() if spec.has_table]
    tables = [plan.layout.table("funnel"), plan.comparison_table, *analyses]
    if missing := [str(table) for table in tables if not table.exists()]:
        raise UserError(f"{', '.join(missing)}: not found. Run the study first: snakemake --config study={plan.name}")
    return [table for table in tables if not names_pairs(table)]


def names_pairs(table: Path) -> bool:
    """Whether a table says something of single pairs, which are patients."""
    with table.open(encoding="utf-8") as stream:
        return "pair_id" in stream.readline().strip().split(",")


if __name__ == "__main__":
    main()
