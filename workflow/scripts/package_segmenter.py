"""Put a trained segmenter into the package, in half precision, with a model card.

python workflow/scripts/package_segmenter.py results/tb/segmenters/unet-cxr-masks --scores results/tb/segmentation.csv
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from lungfuse.files import atomic_path, atomic_write, sha256
from lungfuse.plan.names import PACKAGED, SEGMENTER, TRAINED_SETTINGS
from lungfuse.segment.unet import build_unet
from lungfuse.settings.segmentation import UNetSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import limits, with_limits
from lungfuse.tables.segmentation import Segmentation

CARD = "README.md"
LIMIT = 8_000_000  # bytes
CARD_TEXT = """# Packaged lung segmenter

A U-Net ({width} channels at the first of its {depth} levels, {normalisation} normalisation) that marks both lungs in a
frontal chest X-ray of {image_size} pixels. {megabytes} MB in half precision, sha256 {sha256}.

**Data.** The training patients of {sites} in the public set "Chest Xray Masks and Labels": X-rays of the National
Library of Medicine (Jaeger et al., 2014, https://doi.org/10.3978/j.issn.2223-4292.2014.11.20), normal and tuberculosis,
with masks by their annotators. The masks leave out the lung behind the heart and below the diaphragm.

**Scores** on patients it has not learned from, mean with 95 % interval by bootstrap:

{table}

**Made by** `snakemake --cores 2 --config study=tb`, then `python workflow/scripts/package_segmenter.py
results/tb/segmenters/{segmenter} --scores results/tb/segmentation.csv`.

**Limits.** Adults, frontal views, two hospitals. Large effusions and consolidations are often left out of the mask, as
they are in the annotations. For research; not for diagnosis.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the trained segmenter")
    parser.add_argument("--scores", type=Path, required=True, help="segmentation.csv of its study")
    parser.add_argument("--out", type=Path, default=PACKAGED)
    arguments = parser.parse_args()
    settings = json.loads((arguments.folder / TRAINED_SETTINGS).read_text(encoding="utf-8"))
    half = build_unet(settings["image_size"], UNetSettings.model_validate(settings["unet"]), "float16")
    half.load_weights(arguments.folder / SEGMENTER)
    with atomic_path(arguments.out / SEGMENTER) as path:
        half.save(path)
    size = (arguments.out / SEGMENTER).stat().st_size
    if size > LIMIT:
        raise SystemExit(
            f"{arguments.out / SEGMENTER}: has {size:,} bytes, more than {LIMIT:,}: train a narrower U-Net."
        )
    settings["sha256"] = sha256(arguments.out / SEGMENTER)
    with atomic_write(arguments.out / TRAINED_SETTINGS) as stream:
        stream.write(json.dumps(settings, indent=2) + "\n")
    scores = read_table(arguments.scores, Segmentation)
    with atomic_write(arguments.out / CARD) as stream:
        stream.write(card(settings, scores[scores["segmenter"] == settings["segmenter"]], size))


def card(settings: dict, scores: pd.DataFrame, size: int) -> str:
    """The model card, Markdown."""
    unet = settings["unet"]
    shown = {"test patients of": scores["source"], "mask": scores["mask"], "n": scores["n"]}
    shown |= {metric: with_limits(limits(scores, metric)) for metric in ["dice", "iou"]}
    return CARD_TEXT.format(
        width=unet["width"],
        depth=unet["depth"],
        normalisation=unet["normalisation"],
        image_size=settings["image_size"],
        megabytes=f"{size / 1e6:.1f}",
        sha256=settings["sha256"],
        sites=" and ".join(settings["sites"]),
        segmenter=settings["segmenter"],
        table=pd.DataFrame(shown).to_markdown(index=False),
    )


if __name__ == "__main__":
    main()
