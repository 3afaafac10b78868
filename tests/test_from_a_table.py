"""docs/from-a-table.md, followed to the letter: a table and a folder of images become a report by two commands."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import ROOT
from PIL import Image

PAGE = (ROOT / "docs/from-a-table.md").read_text() if (ROOT / "docs/from-a-table.md").exists() else ""
ROWS = ["majority", "tfidf", "linear-probe_image", "boosting", "image", "late", "text", "structured", "early"]
SIGNS = ["Cough and fever for three days", "Fever since yesterday", "Short of breath", "Pain on breathing in"]
OTHERS = ["Check before surgery", "Cough for some weeks", "Chest pain after a fall", "Yearly check of a smoker"]
CASES, PATIENTS = 200, 140


def blocks(language: str) -> list[str]:
    """The blocks of the page in a language; those of commands and of what they print have none."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def draw(folder: Path) -> None:
    """The table of the page, as Excel writes it in Europe, and its images; all three inputs tell a little each."""
    rng = np.random.default_rng(1)
    patient = np.sort(rng.permutation(np.arange(CASES) % PATIENTS))
    ill = (rng.random(PATIENTS) < 0.45)[patient]

    def hint(strength: float) -> np.ndarray:
        return rng.random(CASES) < np.where(ill, 0.5 + strength, 0.5 - strength)

    shadow, feverish, inflamed = hint(0.3), hint(0.25), hint(0.28)
    age = (45 + 12 * inflamed + rng.integers(0, 30, CASES)).astype(str)
    crp = np.where(inflamed, rng.gamma(4, 14, CASES), rng.gamma(2, 6, CASES)).round(1).astype(str)
    asked = [f"{rng.choice(SIGNS if hot else OTHERS)}, {number}." for number, hot in enumerate(feverish)]
    table = pd.DataFrame(
        {
            "Patient": [f"{1700 + number:06}" for number in patient],
            "Image": [f"{number:04}.png" for number in range(CASES)],
            "Age": np.where(rng.random(CASES) < 0.08, "?", age),
            "Sex": rng.choice(["F", "M"], CASES),
            "CRP (mg/l)": pd.Series(crp).str.replace(".", ","),
            "Question asked": asked,
            "Treatment": np.where(ill & (rng.random(CASES) < 0.7), "antibiotics", rng.choice(["none", "rest"], CASES)),
            "Diagnosis": np.where(ill, "pneumonia", "no pneumonia"),
        }
    )
    folder.mkdir()
    table.to_csv(folder / "cases.csv", sep=";", index=False)
    rows, columns = np.mgrid[:96, :96]
    (folder / "images").mkdir()
    for file, shaded in zip(table["Image"], shadow, strict=True):
        lungs = 60.0 * ((np.abs(columns - 30) < 14) | (np.abs(columns - 66) < 14)) * (np.abs(rows - 48) < 36)
        spot = 70 * shaded * np.exp(-((rows - 64) ** 2 + (columns - 30) ** 2) / 90)
        pixels = 160 - lungs + spot + rng.normal(0, 12, lungs.shape)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / file)
