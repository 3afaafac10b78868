"""Stand-ins for the stages that compute for long, for tests that only ask which jobs run and what they are given.

`new_project(stand_ins=...)` puts this folder over the code of a project. A stand-in takes the options of its stage, as
the module of the stage has them, and fails on an option it does not know or a file that is not there. It writes small
outputs of the right form, whose content depends on all settings, the content of all files and the code of the module,
and on nothing else.
"""

import ast
import csv
import hashlib
import inspect
import json
import os
import pkgutil
import re
import sys
import time
import typing
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from cyclopts import App

import lungfuse.parameters
import lungfuse.settings
from lungfuse.encoders import encoder_spec
from lungfuse.files import atomic_write, sha256
from lungfuse.hardware import batch_job
from lungfuse.paths import Paths
from lungfuse.paths.names import ESTIMATOR, FOLD_PREDICTIONS, PARAMS, TRAINED_SETTINGS
from lungfuse.settings.base import Settings
from lungfuse.settings.params import load_study, read_params
from lungfuse.tasks import Task, load_task

SECONDS = "STAND_IN_SECONDS"  # that a training takes, to be killed meanwhile
NOT_READ = {"threads", "encoder_root", "logs"}

TOKENIZER = {  # any word is the same token
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
    "pre_tokenizer": {"type": "Whitespace"},
}


def settings_types() -> dict[str, object]:
    """What the modules of settings define, by name."""
    names = [found.name for found in pkgutil.iter_modules(lungfuse.settings.__path__)]
    modules = [import_module(f"lungfuse.settings.{name}") for name in names]
    return {name: value for module in modules for name, value in vars(module).items()}


def main(stage: str, module: str) -> None:
    """Run the stand-in of a stage with the options of the command line."""
    if place := batch_job():
        print(place, file=sys.stderr)
    app = App()
    app.command(stand_in(module, globals()[stage.replace("-", "_")]), name=stage)
    app(sys.argv[1:])


def stand_in(module: str, write: Callable[..., None]) -> Callable[..., None]:
    """A function with the parameters of the `main` of a stage's module, which is read and not imported."""
    tree = ast.parse((Path(__file__).parent / module).read_text(encoding="utf-8"))
    main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")

    def write_outputs(groups: dict) -> None:
        given = flat(groups)
        inputs = {key: value for key, value in given.items() if key not in outputs}
        seed = hashlib.sha256(json.dumps([ast.dump(tree), dict(identity(inputs))]).encode()).digest()
        write(np.random.default_rng(list(seed)), **given)

    main.body = [main.body[0], *ast.parse("write_outputs(locals())").body]
    types = {node.id for argument in main.args.kwonlyargs for node in ast.walk(argument) if isinstance(node, ast.Name)}
    names = vars(typing) | settings_types() | vars(lungfuse.parameters) | {"Path": Path, "write_outputs": write_outputs}
    own_types = [node for node in tree.body if types & set(defined(node))]
    exec(compile(ast.Module([*own_types, main], []), module, "exec"), names)
    documented = [names["main"], *(kind for kind in names["main"].__annotations__.values() if is_dataclass(kind))]
    outputs = [name for each in documented for name in re.findall(r"^(\w+)\n    Output:", inspect.getdoc(each), re.M)]
    return names["main"]


def defined(node: ast.stmt) -> list[str]:
    """The names of the types that a statement of a module defines."""
    if isinstance(node, ast.ClassDef):
        return [node.name]
    return [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]


def flat(groups: dict) -> dict:
    """The options of a stage by name, from the groups in which it takes them."""
    given: dict = {}
    for name, value in groups.items():
        given |= vars(value) if is_dataclass(value) else {name: value}
    return given


def identity(inputs: dict) -> Iterator[tuple[str, object]]:
    """What a stage is given: settings, and the SHA-256 of files and of what is in folders."""
    for name, value in inputs.items():
        if isinstance(value, dict):
            yield from identity({f"{name}.{key}": each for key, each in value.items()})
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        if name not in NOT_READ:
            yield name, [digest(each) if isinstance(each, Path) else plain(each) for each in values]
    if inputs.get("encoder_root") and "encoder" in inputs:
        yield "encoder", digest(inputs["encoder_root"] / inputs["encoder"])


def digest(path: Path) -> list[str]:
    """The SHA-256 of a file, or of each file in a folder.

    Raises:
        FileNotFoundError: there is none.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"{path}: no files in it")
    return [sha256(file) for file in files]


def plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, Settings) else value


def encoder(rng: np.random.Generator, *, name: str, config: Path, weights: Path, tokenizer: Path | None) -> None:
    write_bytes(weights, rng.bytes(64))
    write_json(config, {"lungfuse": {"source": "stand-in", "sha256": sha256(weights)}, "name": name})
    if tokenizer:
        write_json(tokenizer, TOKENIZER)


def features(rng: np.random.Generator, *, encoder: str, pairs: Path, tokens: Path, token_index: Path, **_) -> None:
    names = [pair["pair_id"] for pair in read_rows(pairs)]
    write_array(tokens, rng.normal(size=(len(names), encoder_spec(encoder).width)).astype(np.float16))
    rows = [{"pair_id": name, "start": row, "tokens": 1, "encoded": 1} for row, name in enumerate(names)]
    write_rows(token_index, rows)


def linear_probe(
    rng: np.random.Generator, *, row: Settings, task: str, labels: list[str], pairs: Path, predictions: Path,
    validated: Path, models: Path, **_,
) -> None:  # fmt: skip
    asked = load_task(task, labels)
    found = scored(rng, asked, read_rows(pairs), "fold")
    for path in [predictions, validated]:
        write_rows(path, [pair | decided(asked, pair) | {"repeat": 0} for pair in found])
    for fold in sorted({pair["fold"] for pair in found}):
        folder = models / f"fold{fold}"
        write_bytes(folder / ESTIMATOR, rng.bytes(64))
        write_json(folder / TRAINED_SETTINGS, {"row": plain(row), "task": task, "labels": labels, "fold": int(fold)})
        tested = [pair | {"part": "test", "repeat": 0} for pair in found if pair["fold"] == fold]
        write_rows(folder / FOLD_PREDICTIONS, tested)


def pretrain(
    rng: np.random.Generator, *, train: Settings, min_reports: int, weights: Path, history: Path, settings: Path, **_,
) -> None:  # fmt: skip
    write_bytes(weights, rng.bytes(64))
    names = ["train_loss", "validation_loss", "validation_accuracy", "validation_auroc", "seconds"]
    write_history(rng, history, names, train.epochs)
    write_json(settings, {"min_reports": min_reports, "train": plain(train)})


def train(
    rng: np.random.Generator, *, row: Settings, train: Settings, task: str, labels: list[str], fold: int, seed: int,
    pairs: Path, weights: Path, history: Path, fold_predictions: Path, settings: Path, repeat: int = 0, **_,
) -> None:  # fmt: skip
    time.sleep(float(os.environ.get(SECONDS, 0)))
    table = read_rows(pairs)
    tested = [pair | {"part": "test"} for pair in table if int(pair["fold"]) == fold]
    validated = [pair | {"part": "validation"} for pair in table if int(pair["fold"]) != fold][::3]
    place = {"fold": fold, "repeat": repeat}
    found = scored(rng, load_task(task, labels), tested + validated, "part")
    write_rows(fold_predictions, [pair | place for pair in found])
    write_bytes(weights, rng.bytes(64))
    names = ["train_loss", "validation_loss", "validation_accuracy", "validation_auroc", "seconds"]
    write_history(rng, history, names, train.epochs)
    made_by = {"row": row, "task": task, "labels": labels, "fold": fold, "train": train, "seed": seed}
    took = {"seconds_per_epoch": 1.0, "peak_memory_mb": 1.0}
    write_json(settings, {name: plain(value) for name, value in made_by.items()} | took)


def segmenter(
    rng: np.random.Generator, *, name: str, train: Settings, network: Path, history: Path, settings: Path, **_
) -> None:
    write_bytes(network, rng.bytes(64))
    write_history(rng, history, ["train_loss", "train_dice", "validation_loss", "validation_dice"], train.epochs)
    write_json(settings, {"segmenter": name, "train": plain(train)})


def segmentation_scores(
    rng: np.random.Generator, *, segmenters: list[Path], annotated_index: Path, segmentation_table: Path, **_
) -> None:
    sites = sorted({row["site"] for row in read_rows(annotated_index)})
    rows = [
        {"segmenter": folder.name, "source": site, "mask": mask, "n": 2} | with_limits(rng, "dice", "iou")
        for folder in segmenters
        for site in sites
        for mask in ["thresholded", "clean"]
    ]
    write_rows(segmentation_table, rows)


def masks(
    rng: np.random.Generator, *, mask: Settings, segmenter: Path, array: Path, index: Path, masks: Path, quality: Path,
    settings: Path, **_,
) -> None:  # fmt: skip
    images = np.load(array, mmap_mode="r")
    write_array(masks, rng.random(images.shape) < 0.5)
    measured = {"area": 0.5, "components": 2, "asymmetry": 0.0, "contrast": 1.0, "suspicious": ""}
    write_rows(quality, [{"image_id": row["image_id"]} | measured for row in read_rows(index)])
    write_json(settings, {"segmenter": str(segmenter), "mask": plain(mask)})


def compare(
    rng: np.random.Generator, *, comparison_table: Path, comparison_page: Path, ablations_table: Path,
    calibration_table: Path, verdict_table: Path | None, per_label_table: Path | None, missing_table: Path | None,
    metrics: Path, predictions: list[Path], **_,
) -> None:  # fmt: skip
    scores = [{"model": path.stem} | with_limits(rng, "accuracy", "auroc") for path in predictions]
    write_rows(comparison_table, scores)
    for table in filter(None, [ablations_table, calibration_table, verdict_table, per_label_table, missing_table]):
        write_rows(table, [{"model": path.stem, "p": 1.0} for path in predictions])
    write_json(comparison_page, scores)
    write_json(metrics, {row.pop("model"): row for row in scores})


def pages(rng: np.random.Generator, *, title: str, data_card: Path, model_card: Path, pages: Path, **_) -> None:
    for path in [data_card, model_card, *(pages / f"{name}.html" for name in paths_of(title).page_names)]:
        write_bytes(path, f"<p>{rng.random()}</p>".encode())


def attention(rng: np.random.Generator, *, attention_figure: Path, **_) -> None:
    write_picture(rng, attention_figure)


def figures(rng: np.random.Generator, *, title: str, figures: Path, **_) -> None:
    for name in paths_of(title).table_figures:
        write_picture(rng, figures / f"{name}.svg")


def pictures(rng: np.random.Generator, *, title: str, figures: Path, **_) -> None:
    for name in paths_of(title).picture_figures:
        write_picture(rng, figures / f"{name}.svg")


def paths_of(study: str) -> Paths:
    return Paths(*load_study(read_params(PARAMS) | {"study": study}))


def scored(rng: np.random.Generator, task: Task, pairs: list[dict], *columns: str) -> list[dict]:
    """Pairs with these columns, their labels, and scores that are more often right than wrong."""
    names = task.columns("score")
    found = []
    for pair in pairs:
        labels = {name: pair[name] for name in task.columns("label")}
        known = [float(value or 0) for value in labels.values()]
        true = [known[0] == place for place in range(len(names))] if task.excludes else known
        scores = (0.6 * np.array(true) + rng.random(len(names))) / 1.6
        scores /= scores.sum() if task.excludes else 1
        told = {name: pair[name] for name in ["pair_id", *columns]}
        found.append(told | labels | dict(zip(names, scores.round(6).tolist(), strict=True)))
    return found


def decided(task: Task, pair: dict) -> dict:
    """The predictions and probabilities of a pair with scores."""
    scores = np.array([[pair[name] for name in task.columns("score")]])
    values = {"prediction": task.decide(scores), "probability": scores}
    return {
        name: value
        for kind, found in values.items()
        for name, value in zip(task.columns(kind), found[0].tolist(), strict=True)
    }


def with_limits(rng: np.random.Generator, *measures: str) -> dict[str, float]:
    values = {name: round(rng.uniform(0.3, 0.7), 4) for name in measures}
    return {
        f"{name}{end}": value + step
        for name, value in values.items()
        for end, step in {"": 0, "_low": -0.1, "_high": 0.1}.items()
    }


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(path: Path, rows: list[dict]) -> None:
    with atomic_write(path) as stream:
        table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def write_history(rng: np.random.Generator, path: Path, names: list[str], epochs: int) -> None:
    write_rows(path, [{"epoch": epoch} | {name: round(rng.random(), 4) for name in names} for epoch in range(epochs)])


def write_json(path: Path, content: dict) -> None:
    with atomic_write(path) as stream:
        json.dump(content, stream)


def write_bytes(path: Path, content: bytes) -> None:
    with atomic_write(path, "wb") as stream:
        stream.write(content)


def write_array(path: Path, values: np.ndarray) -> None:
    with atomic_write(path, "wb") as stream:
        np.save(stream, values)


def write_picture(rng: np.random.Generator, path: Path) -> None:
    circle = f'<circle cx="50" cy="50" r="{rng.uniform(5, 50):.6f}"/>'
    with atomic_write(path) as stream:
        stream.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">{circle}</svg>\n')
