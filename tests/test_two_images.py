"""docs/from-a-table.md, the section on two images a case: a table in German, to its study and its models.

The scores of the page are of the whole run, which `draw` and the two commands of the page make again.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from odd_tables import new_place, read
from PIL import Image

from lungfuse.init.init import main
from lungfuse.new_cases.given import read_written
from lungfuse.plan.resolve import config_of

PAGE = (ROOT / "docs/from-a-table.md").read_text().partition("## Two images a case")[2].partition("\n## ")[0]
HINTS = [
    ["Sieht seit Wochen am Rand verschwommen", "Stolpert oft und sieht Schatten am Rand"],
    ["Kommt zur jährlichen Kontrolle ohne Beschwerden", "Braucht eine neue Brille zum Lesen"],
]
CASES = 90


def block(language: str) -> str:
    return re.search(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)[1]


def draw(folder: Path) -> None:
    """Photographs of both eyes, of which some are missing: the spot that shows the disease is in one of them."""
    rng = np.random.default_rng(0)
    (folder / "fotos").mkdir(parents=True)
    ill = rng.permutation(np.arange(CASES) % 2)
    side = rng.integers(2, size=CASES)
    table = pd.DataFrame({"Patient": [f"p{1000 + number}" for number in range(CASES)]})
    for place, name in enumerate(["Auge links", "Auge rechts"]):
        there = rng.random(CASES) < 0.9
        table[name] = [f"{number:03}_{'lr'[place]}.png" if here else "" for number, here in enumerate(there)]
        for number in np.flatnonzero(there):
            pixels = rng.integers(0, 90, (64, 64))
            pixels[20:40, 20:40] += 140 * (ill[number] and side[number] == place)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "fotos" / table[name][number])
    hint = rng.random(CASES) < np.where(ill, 0.7, 0.3)
    table["Anamnese"] = [f"{rng.choice(HINTS[1 - each])}, Fall {number}." for number, each in enumerate(hint)]
    table["Alter"] = 50 + rng.integers(0, 20, CASES) + 6 * ill
    table["Diagnose"] = np.where(ill, "Glaukom", "gesund")
    table.to_csv(folder / "augen.csv", sep=";", index=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A place where the first command of the section has been run."""
    folder = new_place(tmp_path_factory.mktemp("augen") / "project")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        draw(Path("klinik"))
        main(table=Path("klinik/augen.csv"), images=[Path("klinik/fotos")])
    return folder


def test_the_table_of_the_page_is_drawn_and_becomes_its_study(project):
    assert (project / "klinik/augen.csv").read_text().startswith(block("csv"))
    assert block("yaml") in (project / "params.yaml").read_text()


def test_the_models_of_the_page_read_both_eyes_or_one(project, monkeypatch):
    monkeypatch.chdir(project)
    study = read("augen").study
    for name, images in re.findall(r"^\| (\S+) \| (raw@\S+) \|", PAGE, re.M):
        assert study.models[name].images == images
    table = config_of("augen", study, "linear-probe_image").table
    cases = read_written(project / "klinik/augen.csv", table)
    assert (
        cases["image_links"].tolist()
        == pd.read_csv("klinik/augen.csv", sep=";", dtype=str)["Auge links"].fillna("").tolist()
    )


def test_the_scores_of_the_page_are_those_of_its_table():
    table = pd.read_csv(ROOT / "docs/results/two-images/comparison.csv").set_index("row")
    shown = re.findall(r"^\| (\S+) \| \S* \| (\.\d+) \((\.\d+)-(\.\d+|1\.000)\) \|", PAGE, re.M)
    assert len(shown) > 3
    for row, *said in shown:
        found = table.loc[row, ["auroc", "auroc_low", "auroc_high"]]
        assert said == [f"{score:.3f}".removeprefix("0") for score in found]
