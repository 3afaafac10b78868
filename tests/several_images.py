"""The small study with two images a case: what predicts the label is in either of them, and some lack one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from small_study import SmallStudy, drawn_study

from lungfuse.files import atomic_write

LACK = {"left": [6, 9, 17], "right": [4, 17, 30]}  # case 17 has neither


def with_two_images(folder: Path, encoder_root: Path) -> SmallStudy:
    """Write the files of the small study with a left and a right image a case; all but a few have both."""
    plain = drawn_study(folder)
    rng = np.random.default_rng(1)
    images = rng.integers(0, 60, (120, 64, 64), dtype=np.uint8)
    shown = np.flatnonzero(plain.pairs["label"] == 1)
    images[np.where(rng.random(len(shown)) < 0.5, shown, shown + 60), 16:48, 16:48] += 150
    ids = {place: plain.pairs["pair_id"] + f"-{place}" for place in LACK}
    for place, lacking in LACK.items():
        ids[place] = ids[place].mask(plain.pairs.index.isin(lacking), "")
    index = pd.DataFrame({"image_id": [f"P{n:02d}-{place}" for place in LACK for n in range(60)], "row": range(120)})
    pairs = plain.pairs.assign(
        image_at_left=ids["left"], image_at_right=ids["right"], indication=plain.pairs["findings"]
    )
    pairs["image_id"] = ids["left"].mask(ids["left"] == "", ids["right"])
    study = replace(plain, pairs=pairs, images=images, index=index.assign(width=64, height=64))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    study.encoder_root.symlink_to(encoder_root)
    study.write()
    return study


def save_png(study: SmallStudy, image_id: str) -> str:
    """An image as a file; nothing for none."""
    if not image_id:
        return ""
    path = study.folder / f"{image_id}.png"
    row = study.index.set_index("image_id")["row"][image_id]
    with atomic_write(path, "wb") as stream:
        Image.fromarray(study.images[row]).save(stream, "png")
    return str(path)


def cases_of(study: SmallStudy, fold: int) -> pd.DataFrame:
    """The pairs that a fold tests as new cases."""
    pairs = study.pairs[study.pairs["fold"] == fold]
    images = {f"image_{place}": [save_png(study, each) for each in pairs[f"image_at_{place}"]] for place in LACK}
    return pd.DataFrame({"id": pairs["pair_id"], **images, "text": pairs["findings"]}).reset_index(drop=True)
