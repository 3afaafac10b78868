"""What it saves that a job keeps the memory it has freed: python benchmarks/freed_memory.py --csv <table>

Each training of benchmarks/training.py that people run without a GPU, and the U-Net of the demo, on one thread, in new
processes that keep what they free and that return it to the system, in turn. Milliseconds are of processor time and
medians over the rounds, so they hold beside other work too; page faults and peak memory are those of the last round.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from training import ours, quiet, trainings

from lungfuse import processor
from lungfuse.demo.draw import RawFiles
from lungfuse.demo.draw import main as draw
from lungfuse.parameters import AnnotatedFiles
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.settings.params import read_params

SIDES = ["returned", "kept"]
TAKEN = "ms a pair"
SHOWN = ["EfficientNet-Lite0, 224 px", "MiniLM", "kv-exchange on frozen tokens"]
UNET, DRAWN = "U-Net of the demo, 64 px", 120


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
    for training in [*SHOWN, UNET]:
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
    if side == "returned":
        processor.ctypes = SimpleNamespace(CDLL=lambda name: None)  # in which jobs find no mallopt
    processor.keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        run, count = prepared(training, Path(folder))
        start = time.process_time()
        run()
        taken, used = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF)
    return {TAKEN: 1000 * taken / count, "page faults": used.ru_minflt, "peak MB": used.ru_maxrss // 1024}


def prepared(training: str, folder: Path) -> tuple[Callable[[], None], int]:
    """What is to be timed, and how many pairs or images it reads."""
    if training == UNET:
        files = RawFiles(**{field.name: folder / field.name for field in fields(RawFiles)})
        draw(files=files, lung_masks=folder / "masks", studies=2, masks=DRAWN)
        return lambda: train_unet(folder), DRAWN
    make, dataset, pairs = trainings()[training]
    module = make()
    return lambda: ours(module, dataset, np.arange(pairs)), pairs


def train_unet(folder: Path) -> None:
    """Five epochs on the X-rays with a mask that were drawn in a folder, decoded as in a study."""
    from lungfuse.segment import annotated, train_segmenter

    settings = load_study(read_params(PARAMS) | {"study": "demo"})[1].segmentation
    arrays = {name: folder / name for name in ["annotated_images", "annotated_masks", "annotated_index"]}
    decoded = annotated.Outputs(**arrays, rejected_annotations=folder / "rejected.csv")
    annotated.main(
        annotated=settings.annotated, annotated_raw=folder / "masks", seed=0, rejected_share=0.0, outputs=decoded
    )
    written = {"network": "unet.keras", "history": "history.csv", "settings": "settings.json"}
    train_segmenter.main(
        name="unet", unet=settings.unet, train=settings.train.model_copy(update={"epochs": 5}), seed=0,
        source=train_segmenter.Source(sites=["Montgomery", "Shenzhen"], fit=settings.annotated.fit),
        annotated=AnnotatedFiles(**arrays),
        outputs=train_segmenter.Outputs(**{key: folder / name for key, name in written.items()}),
    )  # fmt: skip


if __name__ == "__main__":
    main()
