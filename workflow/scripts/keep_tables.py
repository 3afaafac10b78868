"""Keep the tables of a finished study under docs/results/, where the README and the docs take their numbers from, with
provenance.csv, which says what they were made from.

python workflow/scripts/keep_tables.py --study demo
"""

import argparse
import shutil
from pathlib import Path

from lungfuse.errors import UserError
from lungfuse.files import sha256
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Provenance

KEPT, PROVENANCE = Path("docs/results"), "provenance"


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
    """The tables that hold scores and counts, and nothing of a patient, and the one that says where these come from.

    Raises:
        UserError: one is missing, or has been made anew since that was written down.
    """
    provenance = plan.layout.table(PROVENANCE)
    tables = [*plan.score_tables, provenance]
    if missing := [str(table) for table in tables if not table.exists()]:
        raise UserError(f"{', '.join(missing)}: not found. Run the study first: snakemake --config study={plan.name}")
    told = read_table(provenance, Provenance).set_index("name")["sha256"]
    if other := [str(table) for table in plan.score_tables if told.get(table.name) != sha256(table)]:
        raise UserError(
            f"{provenance}: is not of {', '.join(other)}, made at another time. Run the study again: "
            f"snakemake --config study={plan.name}"
        )
    return tables


if __name__ == "__main__":
    main()
