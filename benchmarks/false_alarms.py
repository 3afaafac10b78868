"""Whether the verdicts cry wolf. Run: python benchmarks/false_alarms.py --work drawn --csv
docs/results/benchmarks/false_alarms.csv

Studies are drawn, and models are trained on them as in a study: five times on five new folds, by group. A logistic
regression, a decision tree and a network with one hidden layer each read blocks of columns: one that predicts the label
(a), two that add to it (b much, c about the default margin), and noise. What a model is worth is known from its AUROC
on cases drawn beside the study; the mean over the studies is the gain that an interval has to hold.

1. Size and coverage of procedures for one gain: how often a test at 5 % finds a gain where there is none (noise: models
   of noise alone; equal: a with one noise against a with another), and how often an interval of 95 % holds the gain.
2. Words of the procedure that verdicts use, for fusions against both of their parts: how often it says better where
   there is no gain, and equivalent where the gain is as large as the margin or larger.

It goes on where it was stopped; `--kinds` and `--sizes` choose.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import beta, t
from sklearn.tree import DecisionTreeClassifier

from lungfuse.statistics.auroc import Ranking
from lungfuse.statistics.gains import degrees_of_freedom, gain, smallest_gains, word
from lungfuse.statistics.splits import stratified_folds
from lungfuse.statistics.within_folds import auroc_within_folds

FOLDS, REPEATS = 5, 5
WIDTH = 6  # columns of a block
BLOCKS = {"a": 0.4, "b": 0.4, "c": 0.24, "noise": 0.0, "other noise": 0.0}
MODELS = {
    "noise": ["noise"],
    "other noise": ["other noise"],
    "both noises": ["noise", "other noise"],
    "a": ["a"],
    "b": ["b"],
    "c": ["c"],
    "a + b": ["a", "b"],
    "a + c": ["a", "c"],
    "a + noise": ["a", "noise"],
    "a + other noise": ["a", "other noise"],
}
ONE_GAIN = {  # scenario: model, against
    "noise": ("both noises", "noise"),
    "equal": ("a + noise", "a + other noise"),
    "gain near the margin": ("a + c", "a"),
    "large gain": ("a + b", "a"),
}
FUSIONS = {  # scenario: fusion, its parts
    "noise": ("both noises", ["noise", "other noise"]),
    "a and noise": ("a + noise", ["a", "noise"]),
    "gain near the margin": ("a + c", ["a", "c"]),
    "large gain": ("a + b", ["a", "b"]),
}
MARGIN, CONFIDENCE = 0.02, 0.95
BESIDE = 2000  # cases drawn beside a study
FAMILY_DRAWS = 5000
VERDICT = "the larger of groups, one training, and folds"  # as `lungfuse.statistics.gains` has it
Learn = Callable[[np.ndarray, np.ndarray, np.ndarray, int], Callable[[np.ndarray], np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=400, help="how many are drawn of each kind of model and size")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[200, 400, 1000])
    parser.add_argument("--work", type=Path, default=Path("drawn"), help="folder of what was drawn so far")
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tables = []
    for size in arguments.sizes:
        for kind in arguments.kinds:
            found = drawn_studies(arguments.work / f"{kind}_{size}.jsonl", kind, size, arguments.studies)
            tables += [one_gain(found, kind, size), words(found, kind, size)]
    table = pd.concat(tables, ignore_index=True)
    print(table.to_markdown(index=False))
    if arguments.csv:
        arguments.csv.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(arguments.csv, index=False, lineterminator="\n")


def drawn_studies(file: Path, kind: str, size: int, count: int) -> list[dict]:
    """So many studies; those that a file holds are read, and the others drawn and appended to it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    with file.open("a") as lines:
        for seed in range(len(found), count):
            found.append(study(seed, size, kind))
            lines.write(json.dumps(found[-1]) + "\n")
            lines.flush()
    return found[:count]


def study(seed: int, size: int, kind: str) -> dict:
    """What each comparison of a drawn study finds, and what is true."""
    rng = np.random.default_rng([seed, size])
    cases, labels, groups = draw(rng, size)
    beside, labels_beside, _ = draw(rng, BESIDE)
    folds = [stratified_folds(labels, groups, FOLDS, seed * REPEATS + repeat) for repeat in range(REPEATS)]
    trained = np.array([fold != number for fold in folds for number in range(FOLDS)])
    scored, worth = {}, {}
    for number, (name, blocks) in enumerate(MODELS.items()):
        columns = np.concatenate([np.arange(WIDTH) + WIDTH * list(BLOCKS).index(block) for block in blocks])
        predict = KINDS[kind](cases[:, columns], labels, trained, seed * len(MODELS) + number)
        scores = predict(cases[:, columns]).reshape(REPEATS, FOLDS, size)
        own = [np.choose(fold, scores[repeat]) for repeat, fold in enumerate(folds)]
        scored[name] = [auroc_within_folds(labels, *both, FOLDS) for both in zip(own, folds, strict=True)]
        worth[name] = np.mean([auroc(labels_beside, each) for each in predict(beside[:, columns])])
    degrees = degrees_of_freedom(groups)
    found = {"degrees": degrees, "one": {}, "words": {}}
    for name, (a, b) in ONE_GAIN.items():
        of_trainings = by_procedure(scored[a], scored[b], groups)
        found["one"][name] = of_trainings | {"true": worth[a] - worth[b]}
    for name, (fusion, parts) in FUSIONS.items():
        gains = [gain(scored[fusion], scored[part], groups) for part in parts]
        least = smallest_gains([gains], degrees, CONFIDENCE, seed, FAMILY_DRAWS)[0]
        true = worth[fusion] - max(worth[part] for part in parts)
        found["words"][name] = {"value": least.value, "low": least.low, "high": least.high, "true": true}
    return found


def draw(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cases (case, column), their labels and groups of one to three; half of the noise is of the group."""
    groups = np.repeat(np.arange(size), rng.integers(1, 4, size))[:size]
    labels = rng.integers(0, 2, size)
    blocks = []
    for strength in BLOCKS.values():
        of_group = strength * (2 * labels[:, None] - 1) * np.linspace(1, 0.2, WIDTH)
        of_group = of_group + rng.normal(0, np.sqrt(0.5), (size, WIDTH))
        blocks.append(of_group[groups] + rng.normal(0, np.sqrt(0.5), (size, WIDTH)))
    return np.hstack(blocks), labels[groups], groups


def auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    return float(Ranking(labels, scores, np.ones((1, len(labels)))).auroc()[0])


def logistic(cases: np.ndarray, labels: np.ndarray, trained: np.ndarray, seed: int) -> Callable:
    """Logistic regressions with a ridge of 1, by Newton's method; `trained` is (model, case)."""
    x = torch.tensor(np.hstack([cases, np.ones((len(cases), 1))]))
    weight, target = torch.tensor(trained, dtype=x.dtype), torch.tensor(labels, dtype=x.dtype)
    ridge = torch.eye(x.shape[1], dtype=x.dtype)
    ridge[-1, -1] = 1e-6
    line = torch.zeros(len(trained), x.shape[1], dtype=x.dtype)
    for _ in range(8):
        probability = torch.sigmoid(line @ x.T)
        slope = (weight * (probability - target)) @ x + line @ ridge
        curvature = torch.einsum("mc,cj,ck->mjk", weight * probability * (1 - probability), x, x) + ridge
        line = line - torch.linalg.solve(curvature, slope)
    return lambda new: (line @ torch.tensor(np.hstack([new, np.ones((len(new), 1))])).T).numpy()


def tree(cases: np.ndarray, labels: np.ndarray, trained: np.ndarray, seed: int) -> Callable:
    """Decision trees that look at some of the columns for each split, with a twentieth of the cases in each leaf."""
    leaf = max(8, len(cases) // 25)
    models = [
        DecisionTreeClassifier(min_samples_leaf=leaf, max_features=0.7, random_state=seed * 1000 + number)
        for number in range(len(trained))
    ]
    fitted = [model.fit(cases[of], labels[of]) for model, of in zip(models, trained, strict=True)]
    return lambda new: np.stack([model.predict_proba(new)[:, 1] for model in fitted])


def network(cases: np.ndarray, labels: np.ndarray, trained: np.ndarray, seed: int) -> Callable:
    """Networks of one hidden layer, each from weights of its own, by AdamW."""
    generator = torch.Generator().manual_seed(seed)
    x, target = torch.tensor(cases, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32)
    weight = torch.tensor(trained, dtype=torch.float32)
    weight = weight / weight.sum(dim=1, keepdim=True)
    width, hidden, count = x.shape[1], 12, len(trained)
    shapes = [(width, hidden, width), (1, hidden, 0), (hidden, 1, hidden), (1, 1, 0)]  # and inputs of each
    layers = [torch.randn(count, a, b, generator=generator) * (n**-0.5 if n else 0) for a, b, n in shapes]
    layers = [layer.requires_grad_() for layer in layers]

    def logits(new: torch.Tensor) -> torch.Tensor:
        return (torch.relu(new @ layers[0] + layers[1]) @ layers[2] + layers[3]).squeeze(-1)

    optimiser = torch.optim.AdamW(layers, lr=0.02, weight_decay=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        found = logits(x)
        losses = torch.nn.functional.binary_cross_entropy_with_logits(found, target.expand_as(found), reduction="none")
        (losses * weight).sum().backward()
        optimiser.step()

    def predict(new: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return logits(torch.tensor(new, dtype=torch.float32)).numpy()

    return predict


KINDS: dict[str, Learn] = {"logistic": logistic, "tree": tree, "network": network}


def by_procedure(a: list, b: list, groups: np.ndarray) -> dict:
    """The gain with its standard error by each procedure, for one training and for all."""
    found = {}
    for repeats in (1, REPEATS):
        ours = gain(a[:repeats], b[:repeats], groups)
        of_groups = np.sqrt(len(ours.of_group) / (len(ours.of_group) - 1) * np.square(ours.of_group).sum())
        of_training = [one.value - other.value for one, other in zip(a[:repeats], b[:repeats], strict=True)]
        between = np.var(of_training, ddof=1) / repeats if repeats > 1 else 0.0
        found[str(repeats)] = {
            "value": ours.value,
            "groups": float(of_groups),
            "groups x trainings": float(np.sqrt(of_groups**2 + between)),
            "groups, one training": float(np.sqrt(ours.by_groups)),
            "folds (Nadeau-Bengio)": float(np.sqrt(ours.by_folds)),
            VERDICT: ours.error,
        }
    return found


PROCEDURES = ["groups", "groups x trainings", "groups, one training", "folds (Nadeau-Bengio)", VERDICT]


def one_gain(found: list[dict], kind: str, size: int) -> pd.DataFrame:
    """Size and coverage of each procedure."""
    rows = []
    for scenario in ONE_GAIN:
        true = 0.0 if scenario == "equal" else np.mean([each["one"][scenario]["true"] for each in found])
        for repeats in (1, REPEATS):
            for procedure in PROCEDURES:
                of_studies = [each["one"][scenario][str(repeats)] for each in found]
                value, error = (np.array([each[key] for each in of_studies]) for key in ("value", procedure))
                degrees = np.array([each["degrees"] for each in found])
                if procedure.startswith("folds"):
                    degrees = np.full(len(found), FOLDS * repeats - 1)
                reach = t.ppf((1 + CONFIDENCE) / 2, degrees) * error
                held = int((np.abs(value - true) <= reach).sum())
                above = int((np.abs(value) > reach).sum())
                what = {"scenario": scenario, "trainings": repeats, "procedure": procedure, "gain": round(true, 4)}
                rows.append(what | counted("interval of 95 % holds the gain", held, len(found)))
                if scenario in ("noise", "equal"):
                    rows.append(what | counted("p < .05", above, len(found)))
    return pd.DataFrame(rows).assign(model=kind, n=size)


def words(found: list[dict], kind: str, size: int) -> pd.DataFrame:
    """What verdicts say of fusions, and how often that is wrong."""
    rows = []
    for scenario in FUSIONS:
        of_studies = [each["words"][scenario] for each in found]
        true = float(np.mean([each["true"] for each in of_studies]))
        what = {"scenario": scenario, "trainings": REPEATS, "procedure": VERDICT, "gain": round(true, 4)}
        said = pd.Series([word(each["low"], each["high"], MARGIN) for each in of_studies])
        for name in ["better", "worse", "equivalent", "inconclusive"]:
            rows.append(what | counted(f"says {name}", int((said == name).sum()), len(found)))
        at_margin = pd.Series([word(each["low"], each["high"], abs(true)) for each in of_studies])
        rows.append(
            what | counted("says equivalent, margin = gain", int((at_margin == "equivalent").sum()), len(found))
        )
        held = sum(each["low"] <= true <= each["high"] for each in of_studies)
        rows.append(what | counted("interval of 95 % holds the gain", held, len(found)))
    return pd.DataFrame(rows).assign(model=kind, n=size)


def counted(what: str, count: int, studies: int) -> dict:
    """A count with its share, and the limits of 95 % of that (Clopper and Pearson)."""
    low = beta.ppf(0.025, count, studies - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, studies - count) if count < studies else 1.0
    shares = {"share": count / studies, "share_low": low, "share_high": high}
    return {"what": what, "studies": studies, "count": count} | {key: round(value, 4) for key, value in shares.items()}


if __name__ == "__main__":
    main()
