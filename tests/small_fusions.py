"""Models that read an image, a text, or both, on cases of which the best score is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from model_configs import model_config
from scipy.special import expit, softmax
from small_comparison import BINARY, results_of

from lungfuse.tasks import Task, load_task

MODELS = {
    "image": model_config("image", images="raw"),
    "text": model_config("text", text="findings"),
    "early": model_config("early", images="raw", text="findings"),
    "structured": model_config("structured", structured=["age", "crp"]),
    "image and columns": model_config("early", images="raw", structured=["age", "crp"]),
    "text and columns": model_config("early", text="findings", structured=["age", "crp"]),
    "all": model_config("early", images="raw", text="findings", structured=["age", "crp"]),
}
FOLDS = 5
LABELS = load_task("multilabel", ["effusion", "nodule"])
CLASSES = load_task("multiclass", ["clear", "effusion", "nodule"])


def drawn(
    odds: dict[str, np.ndarray],
    targets: np.ndarray,
    task: Task = BINARY,
    calibrated_by: dict[str, float] | None = None,
    groups: np.ndarray | None = None,
    validated: dict[str, list] | None = None,
    trainings: int = 1,
    **columns: np.ndarray,
) -> SimpleNamespace:
    """Results of models with these log odds, (case, score column), on `targets` (case, label column).

    Folds are drawn anew in each training. `calibrated_by` is what calibration adds to the log odds of a model. Other
    columns are those of the pairs, or where they are texts of numbers, structured ones.
    """
    count, rng = len(targets), np.random.default_rng(0)
    pairs = pd.DataFrame(targets, columns=task.columns("label")).assign(pair_id=[f"P{n}" for n in range(count)])
    pairs = pairs.assign(group=np.arange(count) if groups is None else groups)
    site = columns.pop("site", None)
    pairs = pairs.assign(site="" if site is None else site)
    folds = [rng.permutation(np.arange(count) % FOLDS) for _ in range(trainings)]
    squash = (lambda z: softmax(z, axis=1)) if task.excludes else expit
    joined = []
    for name, each in odds.items():
        score, probability = squash(each), squash(each + (calibrated_by or {}).get(name, 0.0))
        made = {"score": score, "prediction": task.decide(score), "probability": probability}
        table = pairs.drop(columns="site")
        for kind, values in made.items():
            table = table.assign(**dict(zip(task.columns(kind), values.T, strict=True)))
        joined.append(pd.concat([table.assign(fold=fold, repeat=n) for n, fold in enumerate(folds)]))
    structured = pd.DataFrame({"pair_id": pairs["pair_id"], **columns}) if columns else None
    models = {name: MODELS[name] for name in odds}
    found = results_of(models, joined, pairs=pairs, task=task, structured=structured)
    for n, name in enumerate(odds):
        if validated:
            found.scored.validated[n][:] = np.reshape(validated[name], (1, -1, 1))
    return found
