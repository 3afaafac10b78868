"""How fast and how lean the data check is. Run: python benchmarks/data_check.py [--cases 1000 10000 100000]

Studies of so many cases are drawn: an image of 224 px, a text of forty words, ten structured columns, four sites,
dates, three cases a patient at most, and some near copies. Each is checked by a process of its own.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from processes import measure_call

from lungfuse.files import atomic_array
from lungfuse.settings.check import CheckLimits
from lungfuse.settings.ingest import FilterSettings

SIDE, COARSE = 224, 14
WORDS, LENGTH = 4000, 40
PART = 1000
COPIES = 0.01  # of the cases that are near copies of another one
LABELS = [{"name": name, "column": "outcome", "positive": [name]} for name in ["healthy", "sick"]]
FILTER = FilterSettings(labels=LABELS, balance="none", required=[], text_fields=["findings"])
LIMITS = CheckLimits(leak_auroc=0.95, leak_min_share=0.05, contradicting=0.03)
NUMBERS, CATEGORIES = [f"number{n}" for n in range(5)], [f"category{n}" for n in range(5)]
SECTIONS = ["comparison", "indication", "findings", "impression"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--csv", type=Path, help="write the table there, too")
    arguments = parser.parse_args()
    rows = [checked(count, arguments.threads) for count in arguments.cases]
    table = pd.DataFrame(rows, columns=["cases", "seconds", "processor seconds", "peak MB", "of it own MB", "findings"])
    print(table.to_markdown(index=False))
    if arguments.csv:
        table.to_csv(arguments.csv, index=False)


def checked(count: int, threads: int) -> tuple:
    """Draw a study and check it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(count, folder)
        tables = ["candidates", "reports", "views", "values", "value_columns", "funnel", "rejected", "index"]
        tables += ["findings", "check_scores", "check_cases"]
        files = {each: folder / f"{each}.csv" for each in tables}
        files |= {"array": folder / "images.npy", "check_page": folder / "data_check.md"}
        asked = {"title": "drawn", "notice": "", "task": "binary", "filter": FILTER, "folds": 5, "limits": LIMITS}
        asked["reads"] = {"image": ["raw"], "text": ["findings"], "structured": NUMBERS + CATEGORIES}
        taken = measure_call("data-check", asked | files, threads=threads)
        found = len(pd.read_csv(folder / "findings.csv"))
    return count, round(taken.seconds, 1), round(taken.cpu_seconds, 1), round(taken.peak_mb), round(taken.own_mb), found


def draw(count: int, folder: Path) -> None:
    """Write the tables and the image array of a drawn study."""
    rng = np.random.default_rng(0)
    ids = np.array([f"case{n:06d}" for n in range(count)])
    patients = np.sort(rng.integers(0, max(1, count // 2), count))
    label = rng.integers(0, 2, count)
    copied = np.where(rng.random(count) < COPIES, np.arange(count) - 1, np.arange(count)).clip(0)
    texts = _texts(rng, count)[copied]
    reports = pd.DataFrame({"report_id": ids, "patient": [f"P{n}" for n in patients], "site": rng.choice(4, count)})
    reports = reports.assign(major="", automatic="", **dict.fromkeys(SECTIONS, "")).assign(findings=texts)
    reports["date"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, count), "D")
    values = pd.DataFrame({"report_id": ids, "outcome": np.where(label == 1, "sick", "healthy")})
    for name in NUMBERS:
        values[name] = (rng.normal(size=count) + 0.5 * label).round(3)
    for name in CATEGORIES:
        values[name] = rng.choice(list("abcdef"), count)
    kinds = [(name, "number", "") for name in NUMBERS] + [(name, "category", "") for name in CATEGORIES]
    candidates = reports[["report_id", "site", *SECTIONS]].assign(
        pair_id=ids, image_id=ids, label=label, text=texts, group=pd.factorize(patients)[0]
    )
    funnel = pd.DataFrame(
        {"step": ["pairs"], "count": [count], "negative": [(label == 0).sum()], "positive": label.sum()}
    )
    tables = {
        "reports": reports,
        "views": pd.DataFrame({"image_id": ids, "report_id": ids, "view": "any"}),
        "values": values,
        "value_columns": pd.DataFrame([("outcome", "category", ""), *kinds], columns=["name", "kind", "unit"]),
        "candidates": candidates,
        "funnel": funnel,
        "rejected": pd.DataFrame(columns=["what", "id", "reason"]),
        "index": pd.DataFrame({"image_id": ids, "row": range(count), "width": 512, "height": 512}),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    _draw_images(rng, count, folder / "images.npy")


def _texts(rng: np.random.Generator, count: int) -> np.ndarray:
    """Texts of words that are as frequent as those of a language."""
    vocabulary = np.array([f"word{n}" for n in range(WORDS)])
    frequency = 1 / np.arange(1, WORDS + 1)
    drawn = rng.choice(WORDS, (count, LENGTH), p=frequency / frequency.sum())
    return np.array([" ".join(vocabulary[row]) for row in drawn], object)


def _draw_images(rng: np.random.Generator, count: int, path: Path) -> None:
    """Images of one smooth pattern that all share, another of their own, and noise."""
    scale = SIDE // COARSE
    shared = rng.normal(128, 40, (COARSE, COARSE))
    with atomic_array(path, np.uint8, (SIDE, SIDE)) as append:
        for start in range(0, count, PART):
            number = min(PART, count - start)
            own = shared + rng.normal(0, 15, (number, COARSE, COARSE))
            copies = np.flatnonzero(rng.random(number - 1) < COPIES) + 1
            own[copies] = own[copies - 1]
            large = own.clip(8, 247).astype(np.uint8).repeat(scale, 1).repeat(scale, 2)
            noise = rng.integers(0, 8, (SIDE, SIDE), dtype=np.uint8)
            append(large + np.roll(noise, int(rng.integers(SIDE)), 0))


if __name__ == "__main__":
    main()
