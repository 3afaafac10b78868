"""A table with the faults of a published protocol: VT-Bench on PAD-UFES-20, 2,298 photographs split by image row.

Of its 230 test rows 142 have their patient in training, 65 the same lesion. Whether a lesion was biopsed predicts
malignant with AUROC .895, an empty cell of `smoke` with .833.
"""

from pathlib import Path

import numpy as np
import pandas as pd

ROWS, TESTED, SHARED, SAME_LESION = 2298, 230, 142, 65
CLASSES = {"BCC": 845, "ACK": 730, "NEV": 244, "SEK": 235, "SCC": 192, "MEL": 52}
MALIGNANT = ["BCC", "SCC", "MEL"]
BENIGN = ROWS - sum(CLASSES[name] for name in MALIGNANT)
NOT_BIOPSED, NOT_ASKED = round(0.79 * BENIGN), round(0.666 * BENIGN)  # an AUROC is one half and half of these shares


def table(seed: int = 0) -> pd.DataFrame:
    """The rows in the order of their photographs, with nothing else than these faults to be found."""
    rng = np.random.default_rng(seed)
    patient, lesion, split = _split()
    diagnosis = rng.permutation(np.repeat(list(CLASSES), list(CLASSES.values())))
    benign = rng.permutation(np.flatnonzero(~np.isin(diagnosis, MALIGNANT)))
    biopsed, smoke = np.full(ROWS, "True", object), rng.choice(["True", "False"], ROWS).astype(object)
    biopsed[benign[:NOT_BIOPSED]] = "False"
    smoke[rng.permutation(benign)[:NOT_ASKED]] = ""
    age, region = rng.integers(20, 90, ROWS), rng.choice(["FACE", "ARM", "BACK", "CHEST"], ROWS)
    order = rng.permutation(ROWS)
    found = pd.DataFrame({
        "patient_id": [f"PAT_{number}" for number in patient], "lesion_id": lesion, "smoke": smoke,
        "age": age[patient], "region": region[lesion], "diagnostic": diagnosis, "biopsed": biopsed, "fold": split,
    })  # fmt: skip
    return found.iloc[order].reset_index(drop=True)


def _split() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients, lesions and sides.

    Of each of the first 142 patients one row is tested and one learned from, of the first 65 that is the same lesion.
    Then come 88 patients with a test row alone, and all others, with two training rows each.
    """
    twice, once = np.arange(SHARED), SHARED + np.arange(TESTED - SHARED)
    others = TESTED + np.arange(ROWS - TESTED - SHARED) // 2
    patient = np.concatenate([twice, twice, once, others])
    split = np.array(["test"] * SHARED + ["train"] * SHARED + ["test"] * len(once) + ["train"] * len(others))
    lesion = np.arange(ROWS)
    lesion[SHARED : SHARED + SAME_LESION] = lesion[:SAME_LESION]
    return patient, lesion, split


def write(path: Path) -> Path:
    table().to_csv(path, index=False)
    return path
