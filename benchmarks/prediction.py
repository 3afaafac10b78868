"""How fast new cases are predicted, and in how much memory. Run: python benchmarks/prediction.py

Synthetic X-rays of 512 px, read at --px, with a sentence each, predicted by `early`, a model of both inputs, of three
folds on the encoders of the demo, trained for an epoch. Each number of cases is a process of its own on one thread;
memory is without mapped files.
"""

import argparse
import tempfile
from pathlib import Path

import growth
import numpy as np
import pandas as pd
from PIL import Image
from processes import measure

from lungfuse.demo.chest import draw_frontal

PAIRS, FOLDS, DRAWN, PX = 60, 3, 30, 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, nargs="+", default=[200, 2000, 8000])
    parser.add_argument("--px", type=int, default=224)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        model = train(folder, arguments.px)
        draw(folder)
        for count in arguments.cases:
            table = pd.DataFrame({"id": range(count), "text": "The lungs are low in volume."})
            table.assign(image=table["id"].mod(DRAWN).map("{}.png".format)).to_csv(folder / "cases.csv", index=False)
            took = measure(
                "predict", "--model", model, "--cases", "cases.csv", "--out", "out.csv", folder=folder, threads=1
            )
            assert len(pd.read_csv(folder / "out.csv")) == count
            rows.append({"cases": count, "seconds": took.seconds, "MB": took.own_mb})
            (folder / "out.csv").unlink()
    print(pd.DataFrame(rows).round(1).to_markdown(index=False))


def train(folder: Path, px: int) -> Path:
    """Train `early` on all folds of a few pairs; returns its folder."""
    changes = {"images": {"image_size": px}, "split": {"folds": FOLDS, "validation": 0.25}}
    plan = growth.prepare(PAIRS, folder, models={"early": growth.BOTH}, **changes)
    for name, *command in growth.stages(plan):
        if name not in ["masks", "compare", "train: early"]:
            measure(*command, folder=folder)
    for run in plan.runs("early"):
        measure("train", "--model", plan.layout.model("early"), "--run", run, folder=folder)
    return plan.layout.model_folder("early")


def draw(folder: Path) -> None:
    """Synthetic X-rays as files in a folder."""
    rng = np.random.default_rng(0)
    for number in range(DRAWN):
        Image.fromarray(draw_frontal(rng, rng.normal(1, 0.15), 1, PX)[0]).save(folder / f"{number}.png")


if __name__ == "__main__":
    main()
