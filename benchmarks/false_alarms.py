"""Whether the table cries wolf. Run: python benchmarks/false_alarms.py --csv docs/results/benchmarks/false_alarms.csv

1. Noise: studies whose labels are shuffled, so that nothing can be told from anything. Twenty rows of logistic
   regressions on drawn numbers, by the stages' own functions: folds, validation pairs, references, paired tests. Told
   is in how many studies any fused row gets p < .05, corrected as the table has it, uncorrected, and as it was before:
   against the unimodal row that is best on the scores it is tested on.
2. Truth: studies drawn as the demo is, whose best possible accuracy is known. Decided is as well as can be, so that the
   accuracy expected is that best. Told is how often an interval of 95 % holds it: pairs one by one, in groups that say
   the same, and for a row trained several times, each of which errs more by a share of its own.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from lungfuse.compare.compare import compare
from lungfuse.compare.paired import paired_p
from lungfuse.compare.scores import join_predictions, score_with_intervals, validated_primary
from lungfuse.demo.evidence import NORMAL_VOLUME, SIGN_VOLUME, SIGNS, Evidence, best_accuracy, draw_evidence
from lungfuse.ingest.split import assign_folds, assign_validation
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.ingest import SplitSettings
from lungfuse.settings.model import ModelConfig
from lungfuse.tasks import load_task
from lungfuse.train.estimators import by_fold, learner
from lungfuse.train.predictions import calibrated

TASK = load_task("binary", ["normal", "lung"])
SPLIT = SplitSettings(folds=5, validation=0.15)
SETTINGS = ComparisonSettings(confidence=0.95, resamples=2000, timings=False, published=[])
SOURCES = {"raw": "images", "segmented:packaged": "images", "findings": "text", "indication": "text"}
WIDTH = 20  # drawn numbers of each source
RATES = [0.001, 0.01, 1.0]  # inverse regularisation, in which rows of the same inputs differ
SHARE = (2, 38)  # parameters of the beta distribution of a training's own share of errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noise", type=int, default=100, help="studies of noise")
    parser.add_argument("--truth", type=int, default=200, help="studies of known truth")
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    table = pd.concat([noise(arguments.noise), truth(arguments.truth)])
    print(table.to_markdown(index=False))
    if arguments.csv:
        arguments.csv.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(arguments.csv, index=False, lineterminator="\n")


def noise(draws: int) -> pd.DataFrame:
    """In how many studies of noise a fused row is told to beat its reference, or to fall behind it."""
    alarms = pd.DataFrame([one_of_noise(seed) for seed in range(draws)])
    return pd.DataFrame(
        {"study": "noise, 20 rows", "what": f"any p < .05, {name}", "studies": draws, "count": count}
        for name, count in alarms.sum().items()
    )


def one_of_noise(seed: int) -> dict[str, bool]:
    """Whether any p of a study of noise is below .05, by each way to test."""
    rng = np.random.default_rng([seed, 1])
    pairs = drawn_pairs(rng.integers(1, 4, 200), rng.integers(0, 2, 200))
    pairs["fold"] = assign_folds(pairs, SPLIT.folds, seed)
    validation = assign_validation(pairs, SPLIT, seed)
    inputs = {source: rng.normal(size=(len(pairs), WIDTH)) for source in SOURCES}
    rows, joined, validated = [], [], []
    for sources in [*([source] for source in SOURCES), *fused()]:
        for rate in RATES[: 2 if len(sources) == 1 else 3]:
            read = {SOURCES[source]: source for source in sources}
            rows.append(drawn_model(read))
            model = LogisticRegression(C=rate, max_iter=1000)
            learn = learner(model, np.hstack([inputs[source] for source in sources]), TASK.targets(pairs), TASK)
            trainings = by_fold(pairs, validation, TASK, learn)
            scores = pd.concat(calibrated(training, TASK) for training, _ in trainings)
            scores["prediction"] = (scores["score"] >= 0.5).astype(int)
            joined.append(join_predictions(TASK, pairs, scores[scores["part"] == "test"], Path("drawn")))
            validated.append(validated_primary(TASK, scores[scores["part"] == "validation"]))
    names = [str(number) for number in range(len(rows))]
    results = SimpleNamespace(task=TASK, names=names, models=rows, joined=joined, validated=validated)
    table = compare(results, SETTINGS, seed)
    return {
        "corrected": bool((table["p_corrected"] < 0.05).any()),
        "uncorrected": bool((table["p_vs_best_unimodal"] < 0.05).any()),
        "as before": bool((as_before(rows, joined, table["accuracy"], seed) < 0.05).any()),
    }


def fused() -> list[list[str]]:
    """The inputs of the fused rows."""
    return [[image, text] for image in ["raw", "segmented:packaged"] for text in ["findings", "indication"]]


def drawn_model(read: dict[str, str]) -> ModelConfig:
    """A model of the inputs that are read, without encoders."""
    inputs = {{"images": "image"}.get(kind, kind): choice for kind, choice in read.items()}
    name = next(iter(inputs)) if len(inputs) == 1 else "early"
    asked = {"task": "binary", "labels": TASK.labels, "class_weights": "none", "seed": 0, "folds": SPLIT.folds}
    return ModelConfig(name=name, study="drawn", architecture=name, inputs=inputs, **asked)


def as_before(rows: list[ModelConfig], joined: list[pd.DataFrame], accuracy: pd.Series, seed: int) -> np.ndarray:
    """p of all rows against the unimodal row with the best accuracy on the pairs it is tested on."""
    best = max((n for n, row in enumerate(rows) if len(row.inputs) == 1), key=accuracy.__getitem__)
    return np.array(
        [paired_p(TASK, frame, joined[best], SETTINGS.resamples, seed) for n, frame in enumerate(joined) if n != best]
    )


def drawn_pairs(sizes: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Pairs in groups of these sizes and labels."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    pairs = pd.DataFrame({"group": group, "label": labels[group], "site": "", "fold": 0})
    return pairs.assign(pair_id=[f"P{number}" for number in range(len(group))])


def truth(draws: int) -> pd.DataFrame:
    """How often intervals of the accuracy hold the one that is known."""
    best, more = best_accuracy()["image + text"], SHARE[0] / sum(SHARE)
    cases = {
        "one pair a group": (best, {"largest": 1}),
        "1 to 4 pairs a group": (best, {"largest": 4}),
        "1 to 4 pairs a group, 3 trainings": (best + more - 2 * best * more, {"largest": 4, "trainings": 3}),
        "1 to 4 pairs a group, 10 trainings": (best + more - 2 * best * more, {"largest": 4, "trainings": 10}),
    }
    rows = []
    for name, (known, options) in cases.items():
        intervals = [one_of_truth(seed, **options) for seed in range(draws)]
        held = sum(low <= known <= high for _, low, high in intervals)
        rows.append({"study": f"known accuracy {known:.3f}, {name}", "what": "held by an interval of 95 %"})
        rows[-1] |= {"studies": draws, "count": held}
    return pd.DataFrame(rows)


def one_of_truth(seed: int, largest: int, trainings: int = 0) -> tuple[float, float, float]:
    """The accuracy of the best decisions on drawn pairs, with its limits."""
    rng = np.random.default_rng([seed, 2])
    sizes = rng.integers(1, largest + 1, 300)
    labels = np.arange(300) % 2
    scores = np.array([posterior(draw_evidence(rng, ["normal", "lung"][label])) for label in labels])
    pairs = drawn_pairs(sizes, labels)
    best = (scores >= 0.5).astype(int)[pairs["group"]]
    shares = rng.beta(*SHARE, trainings) if trainings else [0.0]
    wrong = [rng.random(300)[pairs["group"]] < share for share in shares]
    decided = [np.where(flipped, 1 - best, best) for flipped in wrong]
    trainings = [pairs.assign(score=each * 1.0, prediction=each, repeat=repeat) for repeat, each in enumerate(decided)]
    joined = pd.concat(trainings, ignore_index=True)
    return score_with_intervals(TASK, joined, SETTINGS.confidence, SETTINGS.resamples, seed)["accuracy"]


def posterior(evidence: Evidence) -> float:
    """The probability of the class lung of what is drawn and written, for classes of equal size."""
    sign = np.mean([norm.pdf(evidence.volume, *parameters) for parameters in SIGN_VOLUME.values()])
    density = np.array([norm.pdf(evidence.volume, *NORMAL_VOLUME), sign])
    normal, lung = (SIGNS[label][:, int(evidence.written)] @ density for label in ["normal", "lung"])
    return float(lung / (normal + lung))


if __name__ == "__main__":
    main()
