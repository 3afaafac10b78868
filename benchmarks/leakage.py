"""How often the audit of leakage is right on drawn patients, of whom it is known what a flaw adds.

python benchmarks/leakage.py --studies 100

In one kind of study a text is one of ten phrases that predict the label of any patient: real signal, and no flaw adds
anything. In the other it identifies its patient and nothing else: a flaw that puts a patient on both sides adds to the
accuracy. A line a flaw says in what share of the studies its interval holds zero, and what was added on average.
"""

import argparse

import numpy as np
import pandas as pd

from lungfuse.compare.leakage import FLAWS, audit
from lungfuse.settings.comparison import Intervals, LeakageSettings

PATIENTS, FOLDS, PHRASES = 200, 5, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100)
    studies = parser.parse_args().studies
    records = []
    for kind in ["phrases", "names"]:
        for seed in range(studies):
            settings = LeakageSettings(sections=["findings"], draws=5, epochs=4)
            intervals = Intervals(confidence=0.95, resamples=1000)
            found = audit(drawn_rows(kind, seed), "findings", settings, intervals, FOLDS, seed)
            records += [record | {"texts": kind} for record in found]
    table = pd.DataFrame(records)
    table["holds zero"] = (table["added_low"] <= 0) & (table["added_high"] >= 0)
    flaws = [flaw.name for flaw in FLAWS]
    summary = table.groupby(["texts", "flaw"])[["control", "added", "holds zero"]].mean().round(3)
    print(summary.reindex(flaws, level="flaw").reset_index().to_markdown(index=False))


def drawn_rows(kind: str, seed: int) -> pd.DataFrame:
    """Patients with two frontal images each, and a lateral view."""
    rng = np.random.default_rng(seed)
    phrase = rng.integers(0, PHRASES, PATIENTS)
    if kind == "phrases":
        labels = (rng.random(PATIENTS) < np.where(phrase < PHRASES // 2, 0.2, 0.8)).astype(int)
        texts = [f"phrase{number} said" for number in phrase]
    else:
        labels, texts = rng.integers(0, 2, PATIENTS), [f"patient{number} seen" for number in range(PATIENTS)]
    patients = pd.DataFrame(
        {"patient": [f"P{number}" for number in range(PATIENTS)], "label": labels, "findings": texts}
    )
    views = [patients.assign(scored=True), patients.assign(scored=True), patients.assign(scored=False)]
    return pd.concat(views, ignore_index=True)


if __name__ == "__main__":
    main()
