"""A table of cases with images, in as many odd forms as people have, and the study that `init` makes of it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import ROOT
from PIL import Image

from lungfuse.datasets.table import MappedTable
from lungfuse.ingest.reports import OPTIONAL, check_declared
from lungfuse.init.init import Columns, Labels, Place, main
from lungfuse.plan.load import load_studies
from lungfuse.settings.params import read_params
from lungfuse.settings.study import Study

WORDS = ["clear", "dense", "left", "right", "lower", "upper", "lobe", "small", "large", "shadow", "heart", "border"]
SHORT_STUDY = """\
  openi:
    dataset: openi
    raw: openi
    modalities: [text]
    models: {majority: {}}
"""


@dataclass
class Made:
    """A study, what its dataset reads, the text of params.yaml and what was printed."""

    study: Study
    reports: pd.DataFrame
    views: pd.DataFrame
    values: pd.DataFrame
    found: set[str]
    text: str
    said: str = ""

    @property
    def comments(self) -> str:
        """The text of params.yaml as one line, comments without their marks."""
        return " ".join(re.sub(r"\n\s*# ", " ", self.text).split())

    @property
    def table(self):
        return self.study.table

    @property
    def classes(self) -> dict[str, list[str]]:
        return {rule.name: rule.positive for rule in self.study.filter.labels}

    @property
    def inputs(self) -> list[str]:
        """The structured columns that rows read."""
        return next((row.structured for row in self.study.models.values() if row.structured), [])


def cases(rows: int = 60, seed: int = 0) -> pd.DataFrame:
    """A plain table: two rows a patient, sixty of them by default, each with an image and a note."""
    rng, number = np.random.default_rng(seed), np.arange(rows)
    ill = rng.permutation(rows // 2)[number // 2] % 2
    return pd.DataFrame(
        {
            "patient": [f"p{each // 2:03}" for each in number],
            "file": [f"x{each:03}.png" for each in number],
            "age": rng.integers(20, 90, rows).astype(str),
            "sex": rng.choice(["F", "M"], rows),
            "note": [f"Seen on day {each}: {' '.join(rng.choice(WORDS, 6))}." for each in number],
            "diagnosis": np.where(ill, "pneumonia", "healthy"),
        }
    )


def draw(folder: Path, names: Iterable[str], colour: bool = False) -> Path:
    """Small images of these names in a folder."""
    rng = np.random.default_rng(0)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (8, 8, 3) if colour else (8, 8)).astype(np.uint8)
        Image.fromarray(pixels).save(path, "png")
    return folder


def new_place(folder: Path) -> Path:
    """A folder with the settings of the project, but for its long studies, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    before, _, _ = (ROOT / "params.yaml").read_text().partition("\nstudies:\n")
    (folder / "params.yaml").write_text(f"{before}\nstudies:\n{SHORT_STUDY}")
    return folder


def init(table: Path, images: list[Path] | None = None, name: str = "odd", **options) -> Made:
    """Run `init` here without the data check, load all studies, and read the new one with its dataset."""
    groups = {kind: {key: options.pop(key) for key in vars(kind()) if key in options} for kind in [Labels, Columns]}
    place = Place(name=name, check=False, **options)
    main(table=table, images=images, labels=Labels(**groups[Labels]), columns=Columns(**groups[Columns]), place=place)
    return read(name)


def read(name: str) -> Made:
    study = load_studies(read_params(Path("params.yaml")))[name]
    source, raw = MappedTable(study.table), Path("data/raw") / study.raw
    check_declared([each for each in source.SECTIONS if each not in ("findings", "indication")], source.COLUMNS, "here")
    found = source.read_reports(raw)
    images = source.found_images(raw) if study.table.image else set()
    assert set(OPTIONAL) >= {name for name in ("date", "apart") if name in found.reports}
    return Made(study, found.reports, found.views, found.values, images, Path("params.yaml").read_text())
