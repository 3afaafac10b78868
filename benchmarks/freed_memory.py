"""What it saves that a job keeps the memory it has freed: python benchmarks/freed_memory.py --csv <table>

Each training of benchmarks/training.py that people run without a GPU, on one thread, in new processes that keep what
they free and that return it to the system, in turn. Milliseconds are of processor time and medians over the rounds, so
they hold beside other work too; page faults and peak memory are those of the last round.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from training import ours, quiet, trainings

from lungfuse.processor import keep_freed_memory

SIDES = ["returned", "kept"]
TAKEN = "ms a pair"
SHOWN = ["EfficientNet-Lite0, 224 px", "MiniLM", "kv-exchange on frozen tokens"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--csv", type=Path, help="write the table here")
    parser.add_argument("--one", nargs=2, metavar=("TRAINING", "SIDE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one)))
        return
    rows = []
    for training in SHOWN:
        found = {side: [] for side in SIDES}
        for _ in range(arguments.rounds):
            for side in SIDES:
                command = [sys.executable, __file__, "--one", training, side]
                found[side].append(json.loads(subprocess.check_output(command, text=True).splitlines()[-1]))
        taken = {side: median(each[TAKEN] for each in found[side]) for side in SIDES}
        for side in SIDES:
            row = {"training": training, "freed memory": side} | found[side][-1]
            rows.append(row | {TAKEN: round(taken[side], 1), "ratio": round(taken["returned"] / taken[side], 2)})
    table = pd.DataFrame(rows)
    print(table.to_markdown(index=False))
    if arguments.csv:
        table.to_csv(arguments.csv, index=False, lineterminator="\n")


def measure(training: str, side: str) -> dict[str, float]:
    quiet()
    torch.set_num_threads(1)
    if side == "kept":
        keep_freed_memory()
    make, dataset, pairs = trainings()[training]
    module, start = make(), time.process_time()
    ours(module, dataset, np.arange(pairs))
    taken, used = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF)
    return {TAKEN: 1000 * taken / pairs, "page faults": used.ru_minflt, "peak MB": used.ru_maxrss // 1024}


if __name__ == "__main__":
    main()
