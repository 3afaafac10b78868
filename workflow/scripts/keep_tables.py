"""Keep the tables of a finished study under docs/results/, where the README and the docs take their numbers from.

python workflow/scripts/keep_tables.py --study demo
"""

import argparse
import shutil
from pathlib import Path

from lungfuse.errors import UserError
from lungfuse.paths import Paths
from lungfuse.paths.names import PARAMS
from lungfuse.settings.params import load_study, read_params

KEPT = Path("docs/results")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", required=True)
    study = parser.parse_args().study
    for table in scores_of(Paths(*load_study(read_params(PARAMS) | {"study": study}))):
        kept = KEPT / study / table.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(table, kept)
        print(kept)


def scores_of(paths: Paths) -> list[Path]:
    """The tables that hold scores and counts, and nothing of a patient.

    Raises:
        UserError: one is missing.
    """
    tables = [paths.funnel, paths.comparison_table, *paths.tables]
    if missing := [str(table) for table in tables if not table.exists()]:
        raise UserError(f"{', '.join(missing)}: not found. Run the study first: snakemake --config study={paths.name}")
    return tables


if __name__ == "__main__":
    main()
