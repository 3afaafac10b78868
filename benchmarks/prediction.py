"""How fast new cases are predicted, and in how much memory. Run: python benchmarks/prediction.py

Drawn X-rays of 512 px, read at --px, with a sentence each, predicted by a row of both inputs (`early`) of three folds:
encoders of the demo and random weights, on which neither time nor memory depends. Each number of cases is a process of
its own on one thread; memory is without mapped files.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from processes import measure
from safetensors.torch import save_file

from lungfuse.demo.chest import draw_frontal
from lungfuse.encoders import CONFIG, TOKENIZER, WEIGHTS, encoder_spec
from lungfuse.models import build_model
from lungfuse.paths.names import PARAMS, TRAINED_SETTINGS
from lungfuse.settings.params import load_study, read_params, to_json
from lungfuse.settings.rows import Row

ROOT = Path(__file__).resolve().parent.parent
ROW = Row(model="early", images="raw", text="findings")
FOLDS, DRAWN, PX = 3, 30, 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, nargs="+", default=[200, 2000, 8000])
    parser.add_argument("--px", type=int, default=224)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        prepare(folder, arguments.px)
        for count in arguments.cases:
            table = pd.DataFrame({"id": range(count), "text": "The lungs are low in volume."})
            table.assign(image=table["id"].mod(DRAWN).map("{}.png".format)).to_csv(folder / "cases.csv", index=False)
            files = ["--model", folder / "early", "--cases", folder / "cases.csv", "--out", folder / f"{count}.csv"]
            took = measure("predict", *files, "--encoder-root", folder / "encoders", threads=1)
            assert len(pd.read_csv(folder / f"{count}.csv")) == count
            rows.append({"cases": count, "seconds": took.seconds, "MB": took.own_mb})
    print(pd.DataFrame(rows).round(1).to_markdown(index=False))


def prepare(folder: Path, px: int) -> None:
    """X-rays, encoders, and a row with random weights."""
    rng = np.random.default_rng(0)
    for number in range(DRAWN):
        Image.fromarray(draw_frontal(rng, rng.normal(1, 0.15), 1, PX)[0]).save(folder / f"{number}.png")
    _, study = load_study(read_params(ROOT / PARAMS) | {"study": "demo"})
    for name in [study.encoders.image, study.encoders.text]:
        files = {"config": CONFIG, "weights": WEIGHTS, "tokenizer": TOKENIZER}
        options = [part for key, file in files.items() for part in (f"--{key}", folder / "encoders" / name / file)]
        measure("encoder", "--name", name, *options)
    widths = {name: encoder_spec(encoder).width for name, encoder in study.encoders.of(ROW.inputs).items()}
    settings = {"row": ROW, "encoders": study.encoders, "fusion": study.fusion}
    settings |= {"train": study.train.model_copy(update={"layers": "frozen", "precision": "fp32"})}
    settings |= {"images": study.images.model_copy(update={"image_size": px})}
    page = ", ".join(f'"{key}": {to_json(value)}' for key, value in settings.items())
    for fold in range(FOLDS):
        torch.manual_seed(fold)
        model = build_model(ROW.model, widths, 2, study.fusion, ROW.settings)
        place = folder / "early" / f"fold{fold}"
        place.mkdir(parents=True)
        save_file({f"model.{name}": value for name, value in model.state_dict().items()}, place / WEIGHTS)
        known = f'"fold": {fold}, "folds": {FOLDS}, "task": "binary", "labels": ["normal", "lung"], '
        known += '"fitted": {}, "starts": [], "masks": null, "calibration": {"slope": [1.0], "intercept": [0.0]}'
        (place / TRAINED_SETTINGS).write_text(f"{{{page}, {known}}}")


if __name__ == "__main__":
    main()
