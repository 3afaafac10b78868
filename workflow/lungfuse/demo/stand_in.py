"""An image archive of OpenI to try the workflow with: drawn chests under the real names, beside the real reports."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.adapters.openi import IMAGES, PROJECTIONS, REPORTS, read_reports
from lungfuse.demo.chest import draw_frontal, draw_lateral
from lungfuse.demo.draw import encode_png, write_archive
from lungfuse.demo.evidence import draw_evidence
from lungfuse.files import whole_file

PX = 256


def main(*, raw: Path, folder: Path, seed: int = 0) -> None:
    """Draw the images that the real reports name.

    The lungs of most reports with a heading that contains Lung are too small or too large, as in the demo; they say
    nothing about real X-rays.

    Parameters
    ----------
    raw
        Folder of the real reports and projections.
    folder
        Output: folder of the drawn NLMCXR_png.tgz, with copies of the reports and projections.
    seed
        Seed of everything drawn.
    """
    collection = read_reports(raw)
    views = collection.views.merge(collection.reports[["report_id", "major"]], on="report_id", validate="many_to_one")
    write_archive(folder / IMAGES, draw(np.random.default_rng(seed), views))
    for name in [REPORTS, PROJECTIONS]:
        with (raw / name).open("rb") as source, whole_file(folder / name, "wb") as copy:
            shutil.copyfileobj(source, copy)
    print(f"{len(views):,} images of {views['report_id'].nunique():,} real reports drawn: not patients")


def draw(rng: np.random.Generator, views: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    """Name and PNG of each image, those of one report with the same lungs; `views` is `Views` with `major`."""
    for _, images in views.groupby("report_id", sort=False):
        major = images["major"].iloc[0]
        volume = draw_evidence(rng, "lung" if "Lung" in major else "normal").volume
        opacities = int("Opacity" in major) + int(rng.integers(0, 2))
        for image_id, view in zip(images["image_id"], images["view"], strict=True):
            pixels = draw_lateral(rng, volume, PX) if view == "Lateral" else draw_frontal(rng, volume, opacities, PX)[0]
            yield f"{image_id}.png", encode_png(pixels)
