"""What cases on both sides of a published split add to the accuracy of a probe.

    snakemake --cores 2 --config study=brain
    python benchmarks/published_split.py --study brain --csv docs/results/brain/published_split.csv

A logistic regression reads the mean token of the frozen image encoder. It learns from the training side of the split
that the dataset came with, and is tested on the test side: `accuracy_published`. Then test groups are dealt into five
blocks. For each block one model learns without the training cases of its groups, another without as many other ones of
the same classes, in whole groups as far as that goes; both have the same size, so they differ in the shared groups
alone. Rows: all test cases, those whose group is on both sides, and the others; the difference has an interval by
bootstrap over groups.

    python benchmarks/published_split.py --study brain --table brain.csv

writes image, class and side instead, for `lungfuse audit --table brain.csv --split published_split --images <zip>`.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from split_by_image import frozen_images

from lungfuse.audit.worth import drop_alike
from lungfuse.files import atomic_write
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params
from lungfuse.statistics.bootstrap import mean_with_interval
from lungfuse.statistics.splits import dealt_folds
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs, Values
from lungfuse.train.stored import read_tokens

BLOCKS, RESAMPLES, CONFIDENCE = 5, 2000, 0.95
SIDES = ["train", "test"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="brain")
    parser.add_argument("--column", default="published_split", help="audited column that says train or test")
    parser.add_argument("--table", type=Path, help="write the table that lungfuse audit reads, and nothing else")
    parser.add_argument("--csv", type=Path, help="write the result here")
    arguments = parser.parse_args()
    plan = Plan(*load_study(read_params(PARAMS) | {"study": arguments.study}))
    pairs = read_table(plan.layout.split["pairs"], Pairs)
    audited = read_table(plan.layout.audited, Values).set_index("report_id")
    sides = audited[arguments.column].reindex(pairs["report_id"]).to_numpy()
    if unknown := set(sides) - set(SIDES):
        parser.error(
            f"--column {arguments.column}: found {', '.join(map(repr, sorted(unknown)))}, expected train, test"
        )
    if arguments.table:
        labels = pairs["label"].map(dict(enumerate(plan.study.labels)))
        table = pd.DataFrame({"image": pairs["image_id"], "class": labels, arguments.column: sides})
    else:
        made = frozen_images(plan)
        features = read_tokens(made.folder, pairs["pair_id"]).means()
        table = priced(features, pairs["label"].to_numpy(int), pairs["group"].to_numpy(), sides, plan.study.seed)
        print(table.to_string(index=False))
    if path := arguments.table or arguments.csv:
        with atomic_write(path) as stream:
            table.to_csv(stream, index=False, lineterminator="\n")


def priced(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, sides: np.ndarray, seed: int) -> pd.DataFrame:
    """A row each for all test cases, for those of groups on both sides, and for the others."""
    train, test = (np.flatnonzero(sides == side) for side in SIDES)
    published = correct(features, labels, train, test)
    block = dealt_folds(groups[test], np.eye(labels.max() + 1)[labels[test]], BLOCKS)
    rng, shared, without = np.random.default_rng(seed), np.zeros(len(test)), np.zeros(len(test))
    for number in np.unique(block):
        tested = block == number
        shares = np.isin(groups[train], groups[test[tested]])
        dropped = drop_alike(labels[train], groups[train], shares, rng)
        without[tested] = correct(features, labels, train[~shares], test[tested])
        shared[tested] = correct(features, labels, train[~dropped], test[tested])
    both = np.isin(groups[test], groups[train])
    rows = []
    for cases, chosen in {"all": both | True, "of groups on both sides": both, "others": ~both}.items():
        if chosen.any():
            gained = (shared - without)[None, chosen]
            interval = mean_with_interval(gained, groups[test[chosen]], CONFIDENCE, RESAMPLES, seed)
            record = {"test_cases": cases, "n": int(chosen.sum()), "share": chosen.mean()}
            means = {"published": published, "shared": shared, "without": without}
            record |= {f"accuracy_{name}": each[chosen].mean() for name, each in means.items()}
            rows.append(record | dict(zip(["difference", "difference_low", "difference_high"], interval, strict=True)))
    return pd.DataFrame(rows).round(4)


def correct(features: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Whether each test case is predicted rightly, 0 or 1 of (case,)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    return (model.fit(features[train], labels[train]).predict(features[test]) == labels[test]).astype(float)


if __name__ == "__main__":
    main()
