"""Stand-ins for the stages that compute for long, for tests that only ask which jobs run and what they are given.

`new_project(stand_ins=...)` puts this folder over the code of a project. A stand-in takes the options of its stage and
fails on others, and where a file that its job reads is not there. It writes small files of the right form, whose
content depends on the settings of the job, the content of all files that it reads and the code of its module, and on
nothing else.
"""

import ast
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lungfuse.command_line import planned
from lungfuse.dependencies import source
from lungfuse.encoders import encoder_spec
from lungfuse.errors import UserError
from lungfuse.files import atomic_write, sha256
from lungfuse.hardware import batch_job, usage
from lungfuse.ingest.parts import fold_indices, inner_indices, read_split, seed_of_repeat
from lungfuse.measures import METRICS
from lungfuse.plan.job import Job, flat
from lungfuse.plan.model import as_json, read_model
from lungfuse.plan.plan import Plan
from lungfuse.plan.runs import INNER_FOLDS, inner_number, run_numbers
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.params import to_json
from lungfuse.stages import OF_MODELS, STAGES
from lungfuse.tables.base import columns, read_table
from lungfuse.tables.comparison import Comparison, Verdict
from lungfuse.tables.ingest import ImageIndex, Pairs
from lungfuse.tasks import load_task
from lungfuse.train.predictions import write_predictions

SECONDS = "STAND_IN_SECONDS"  # that a training takes, to be killed meanwhile
LOSSES = ["train_loss", "validation_loss", "validation_accuracy", "validation_auroc", "seconds"]
TOKENIZER = {  # any word is the same token
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
    "pre_tokenizer": {"type": "Whitespace"},
}


def main(stage: str, words: list[str]) -> None:
    """Run the stand-in of a stage with the options of the command line."""
    if place := batch_job():
        print(place, file=sys.stderr)
    given = {option.removeprefix("--"): value for option, value in zip(words[::2], words[1::2], strict=True)}
    given.pop("threads", None)
    try:
        if stage in OF_MODELS:
            config = read_model(Path(given.pop("model")))
            plan, of_model = planned(config.study), {"model": config.name}
        else:
            config, plan, of_model = None, planned(given.pop("study")), {}
        method = getattr(plan, stage.replace("-", "_"))
        if unknown := set(given | of_model) ^ set(signature(method).parameters):
            raise UserError(f"{stage}: unknown or missing options: {', '.join(sorted(unknown))}")
    except UserError as error:
        sys.exit(f"lungfuse: {error}")
    write_outputs(StandIn(plan, method(**given | of_model), config, given.get("run", "")))
    print(usage(), file=sys.stderr)  # as every stage does; the log is then as old as the end of the job


@dataclass(frozen=True)
class StandIn:
    """A job of a study, of the training `run` of a model where it is one."""

    plan: Plan
    job: Job
    config: ModelConfig | None
    run: str

    @cached_property
    def rng(self) -> np.random.Generator:
        """Random numbers that depend on all that decides the result of the job."""
        code = ast.dump(ast.parse(source(STAGES[self.job.stage].module).read_bytes()))
        read = [sha256(path) for path in flat(self.job.needed.values())]
        made = [str(path) for path in flat(self.job.made.values())]
        decided = json.dumps([code, to_json(self.job.settings), read, made])
        return np.random.default_rng(list(hashlib.sha256(decided.encode()).digest()))

    @cached_property
    def pairs(self) -> pd.DataFrame:
        return read_table(self.plan.layout.split["pairs"], Pairs)

    def scores(self, run: str) -> pd.DataFrame:
        """Scores of a training, more often right than wrong."""
        fold, repeat = run_numbers(run)
        task = load_task(self.config.task, self.config.labels)
        pairs, validation = read_split(self.plan.layout.split).of_repeat(repeat)
        learned, validated, tested = fold_indices(pairs, validation, fold)
        if (inner := inner_number(run)) is not None:
            strata = task.strata(task.targets(pairs))
            _, tested = inner_indices(
                pairs, strata, learned, inner, INNER_FOLDS, seed_of_repeat(self.config.seed, repeat)
            )
        parts = [("test", tested), ("validation", validated)]
        rows = pd.concat([pairs.iloc[positions].assign(part=part) for part, positions in parts])
        rows = rows.assign(fold=fold, repeat=repeat)
        targets, columns = task.targets(rows), task.columns("score")
        true = np.nan_to_num(targets) if targets.shape[1] == len(columns) else targets == np.arange(len(columns))
        scores = (0.6 * true + self.rng.random(true.shape)) / 1.6
        scores = scores / scores.sum(1, keepdims=True) if len(columns) > targets.shape[1] else scores
        kept = ["pair_id", "fold", "repeat", "part", *task.columns("label")]
        return rows[kept].assign(**dict(zip(columns, scores.round(6).T, strict=True)))

    def write_predictions(self) -> None:
        """What an estimator writes: the scores of its folds, and all of them joined."""
        files, layout = self.job.outputs, self.plan.layout
        runs = self.plan.runs(self.config.name)
        trainings = [self.scores(run) for run in runs]
        task = load_task(self.config.task, self.config.labels)
        write_predictions(self.pairs, trainings, task, files["predictions"], files["validated"])
        for run, scores in zip(runs, trainings, strict=True):
            write_table(layout.estimator(self.config.name, run)["fold_predictions"], scores)


def write_outputs(made: StandIn) -> None:
    """Write all files of a job."""
    if made.job.stage == "train":
        time.sleep(float(os.environ.get(SECONDS, 0)))
    if made.job.stage == "fit":
        made.write_predictions()
    for name, found in made.job.made.items():
        for path in found if isinstance(found, list) else [found]:
            if not (made.job.stage == "fit" and path.suffix == ".csv"):
                write(path, content(name, path, made))


def content(name: str, path: Path, made: StandIn) -> Any:
    """What a file holds: a table, an array, bytes, or what goes into JSON."""
    job, rng = made.job, made.rng
    match name:
        case "fold_predictions":
            return made.scores(made.run)
        case "tokens":
            width = encoder_spec(job.settings["encoder"]).width
            return rng.normal(size=(len(made.pairs), width)).astype(np.float16)
        case "token_index":
            row = range(len(made.pairs))
            return pd.DataFrame({"pair_id": made.pairs["pair_id"], "start": row, "tokens": 1, "encoded": 1})
        case "cost":
            return {"parameters": 10, "ms_per_case": 1.0, "peak_memory_mb": 1}
        case "history":
            epochs = job.settings["train"].epochs if "train" in job.settings else made.config.train.epochs
            return pd.DataFrame({"epoch": range(epochs)} | {loss: rng.random(epochs).round(4) for loss in LOSSES})
        case "masks":
            return rng.random(np.load(job.inputs["array"], mmap_mode="r").shape) < 0.5
        case "quality":
            quality = {"area": 0.5, "components": 2, "asymmetry": 0.0, "contrast": 1.0, "suspicious": ""}
            return read_table(job.inputs["index"], ImageIndex)[["image_id"]].assign(**quality)
        case "tokenizer":
            return TOKENIZER
        case "settings" if made.config:
            took = {"seconds_per_epoch": 1.0, "ms_per_case": 1.0, "peak_memory_mb": 1}
            return {"model": as_json(made.config), "fold": made.run} | took
        case "settings":
            return json.loads(to_json(job.settings)) | {"segmenter": str(job.options.get("segmenter", ""))}
        case "metrics":
            return {model: {"accuracy": round(rng.uniform(0.3, 0.7), 4)} for model in job.settings["models"]}
    if path.name == "comparison.csv":
        return comparison(job.settings["models"], rng)
    if path.name == "verdict.csv":
        return pd.DataFrame(columns=columns(Verdict))
    if path.suffix == ".csv":
        return pd.DataFrame({"model": job.settings.get("models", ["all"]), "auroc": round(rng.uniform(0.3, 0.7), 4)})
    if path.suffix == ".svg":
        return f'<svg xmlns="http://www.w3.org/2000/svg"><circle r="{rng.uniform(5, 50):.6f}"/></svg>\n'.encode()
    return {"made_of": str(rng.random())} if path.suffix == ".json" else f"<p>{rng.random()}</p>\n".encode()


def comparison(models: Iterable[str], rng: np.random.Generator) -> pd.DataFrame:
    """A table of models whose columns are of the right kind."""
    table = pd.DataFrame({"row": list(models)})
    scores = {f"{metric}{end}" for metric in METRICS for end in ["", "_low", "_high"]}
    schema = Comparison.to_schema().columns
    for name in columns(Comparison, sorted(scores)):
        kind = "f" if name in scores else schema[name].dtype.type.kind
        if name != "row":
            values = {"f": rng.uniform(0.3, 0.7, len(table)).round(4), "i": 40}
            table[name] = values.get(kind, table["row"])
    return table


def write(path: Path, content: Any) -> None:
    if isinstance(content, pd.DataFrame):
        write_table(path, content)
        return
    with atomic_write(path, "wb") as stream:
        if isinstance(content, np.ndarray):
            np.save(stream, content)
        else:
            stream.write(content if isinstance(content, bytes) else json.dumps(content).encode())


def write_table(path: Path, table: pd.DataFrame) -> None:
    with atomic_write(path) as stream:
        table.to_csv(stream, index=False, lineterminator="\n")
