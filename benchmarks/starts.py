"""How long a job takes to start: importing anew, or forked from a process that has imported its stage.

Run: python benchmarks/starts.py

A start is a command from its first instruction to the first of its stage, and on to its end: the stage only prints its
help. Both ways take turns; the median of each counts. `python -X importtime -m lungfuse <stage> --help` shows which
module takes how much of it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import pandas as pd

from lungfuse import prefork
from lungfuse.stages import STAGES

SHOWN = ["reports", "fit", "compare", "analysis", "masks", "features", "train"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--stages", nargs="+", default=SHOWN, choices=list(STAGES))
    arguments = parser.parse_args()
    rows = []
    for stage in arguments.stages:
        seconds = {"anew": [], "forked": []}
        with prefork.server():
            first = timed(stage, served=True)
            for _ in range(arguments.times):
                seconds["anew"].append(timed(stage, served=False))
                seconds["forked"].append(timed(stage, served=True))
        row = {way: statistics.median(values) for way, values in seconds.items()}
        rows.append({"stage": stage, **row, "first fork": first, "ratio": row["anew"] / row["forked"]})
    print(pd.DataFrame(rows).round(2).to_markdown(index=False))


def timed(stage: str, served: bool) -> float:
    """Seconds of a command that imports a stage and prints its help."""
    environment = os.environ | ({} if served else {prefork.SOCKET: ""})
    command = [sys.executable, "-m", "lungfuse", stage, "--help"]
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
