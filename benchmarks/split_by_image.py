"""What a split by image adds to the accuracy of a probe, where a lesion, or a patient, has several images.

    snakemake --cores 2 --config study=skin
    python benchmarks/split_by_image.py --study skin --csv docs/results/skin/split_by_image.csv

A logistic regression reads the mean token of the frozen image encoder, out of fold: once groups stay together, as in
the study, once each image is split by itself, so that most images of a group have a twin in training. `share` is that
of images whose group has several. The difference is measured on all images, and on these, with intervals by bootstrap
over groups.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lungfuse.files import atomic_write
from lungfuse.plan.features import FeatureSet
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params
from lungfuse.statistics.bootstrap import mean_with_interval
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs
from lungfuse.train.stored import read_tokens

RESAMPLES, CONFIDENCE = 2000, 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="skin")
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    plan = Plan(*load_study(read_params(PARAMS) | {"study": arguments.study}))
    study, pairs = plan.study, read_table(plan.layout.split["pairs"], Pairs)
    made = frozen_images(plan)
    features = read_tokens(made.folder, pairs["pair_id"]).means()
    table = compared(features, pairs["label"].to_numpy(int), pairs["group"].to_numpy(), study.split.folds, study.seed)
    print(table.to_string(index=False))
    if arguments.csv:
        with atomic_write(arguments.csv) as stream:
            table.to_csv(stream, index=False, lineterminator="\n")


def frozen_images(plan: Plan) -> FeatureSet:
    """What the image encoder of a study makes of whole images, with its own weights."""
    encoder = plan.study.encoders.image
    return next(each for each in plan.feature_sets.values() if (each.source, each.choice) == (encoder, "raw"))


def compared(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> pd.DataFrame:
    """A row for all images and one for those of groups with several: accuracy by group, by image, the difference."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    splitters = [kind(folds, shuffle=True, random_state=seed) for kind in [StratifiedGroupKFold, StratifiedKFold]]
    by_group, by_image = (cross_val_predict(model, features, labels, groups=groups, cv=each) for each in splitters)
    several = pd.Series(groups).map(pd.Series(groups).value_counts()).to_numpy() > 1
    rows = []
    for images, chosen in {"all": np.ones(len(labels), bool), "of groups with several": several}.items():
        if not chosen.any():
            continue
        truth = labels[chosen]
        correct = [(predicted[chosen] == truth).astype(float) for predicted in (by_image, by_group)]
        gained = mean_with_interval((correct[0] - correct[1])[None], groups[chosen], CONFIDENCE, RESAMPLES, seed)
        record = {"images": images, "n": int(chosen.sum()), "share": several[chosen].mean()}
        for split, predicted in {"group": by_group, "image": by_image}.items():
            record[f"accuracy_by_{split}"] = (predicted[chosen] == truth).mean()
            record[f"balanced_accuracy_by_{split}"] = balanced_accuracy_score(truth, predicted[chosen])
        rows.append(record | dict(zip(["difference", "difference_low", "difference_high"], gained, strict=True)))
    return pd.DataFrame(rows).round(4)


if __name__ == "__main__":
    main()
