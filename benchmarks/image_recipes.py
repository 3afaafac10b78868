"""What each recipe brings to the fine-tuned image model of a study, on validation pairs alone.

    python benchmarks/image_recipes.py --work data/recipes --csv docs/results/openi-recipes/image_recipes.csv

Where a recipe does not say otherwise, EfficientNet-Lite0 reads images of 128 px, a third of the work of 224 px.

For fold k a network learns from three of the other folds and is scored on the fourth, that after k: the pairs of fold k
are not read. Over all folds each pair is scored once; a recipe that is chosen by all of them was chosen on all pairs.
No epoch is chosen: the running mean of the weights after the last one is scored, so that longer trainings draw no more
lots.
A training that is done is kept as JSON in the folder of --work, and not repeated.
"""

import argparse
import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional

from lungfuse.encoders import encoder_spec
from lungfuse.encoders.network import Encoder, load_encoder
from lungfuse.files import atomic_write, read_array
from lungfuse.ingest.pretraining_cases import headings_of, pretraining_cases
from lungfuse.measures import METRICS
from lungfuse.modalities.image.inputs import ImageSource
from lungfuse.modalities.image.variants import image_rows
from lungfuse.models import load_model
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PACKAGED, PARAMS, RAW
from lungfuse.plan.plan import Plan
from lungfuse.plan.resolve import choices_read, fusion_read, train_of
from lungfuse.settings.check import CheckLimits
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.model import ModelSettings
from lungfuse.settings.params import read_params
from lungfuse.stages import call
from lungfuse.statistics.bootstrap import limits_of, times_drawn
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import ImageIndex, Pairs, Reports, Views
from lungfuse.tables.training import LabelledCases
from lungfuse.tasks import Task, load_task
from lungfuse.train.classifier import Classifier
from lungfuse.train.data import LABELS, PairDataset, in_order
from lungfuse.train.engine import averaging, in_random_order, make_trainer, predict, quiet

TRAIN = {"layers": "full", "epochs": 8, "encoder_learning_rate": 3e-4}
STRONG = {"rotation": 10.0, "shift": 0.08, "scale": 0.15, "contrast": 0.3, "brightness": 30.0, "gamma": 0.3}  # of tb
PRETRAIN = {"layers": "full", "epochs": 4, "encoder_learning_rate": 5e-4}
START_PX = 128  # of the images that encoders are pre-trained on
LEAST = 40  # reports with a heading, for it to be a label of the pre-training
AS_IT_IS, MOVED = "score", "score of views"
VIEWS = [(0, 0, 1), (0.05, 0, 1), (-0.05, 0, 1), (0, 0.05, 1), (0, -0.05, 1), (0, 0, 0.95), (0, 0, 1.05)]
RESAMPLES = 2000
MODALITIES = ["image", "text"]
SETS_FILES = {"other_images": "images.npy", "other_cases": "cases.csv", "rejected_others": "rejected.csv"}
FILTERED = ["candidates", "funnel", "rejected"]


@dataclass(frozen=True)
class Recipe:
    """A training of the image model: what is different from the base recipe.

    `start` is what the encoder was trained on between ImageNet and the pairs, for `start_epochs` on images of
    `start_px`: findings (of other OpenI images), findings and sets (those and `pretraining.sets` of the study), tb, or
    nothing. With `mask` the third channel is the lung mask instead of the image. `frozen` stands for a logistic
    regression on the mean token of the encoder, which does not learn.
    """

    encoder: str = "efficientnet-lite0"
    px: int = 128
    train: dict = field(default_factory=dict)
    mask: bool = False
    start: str = ""
    start_px: int = START_PX
    start_epochs: int = 4
    frozen: bool = False
    against: str = ""

    @property
    def base(self) -> str:
        """The recipe that it is compared with."""
        return self.against or ("probe" if self.frozen else "base")

    @property
    def start_name(self) -> str:
        """A name for the weights that the encoder starts from."""
        return "_".join([self.start.replace(" ", "-"), self.encoder, f"{self.start_px}", f"{self.start_epochs}"])


OWN, SETS = "findings, 160 px", "findings and sets, 160 px"
LIKE_OPENI = {"px": 160, "start_px": 160, "start_epochs": 5, "against": OWN}
EPOCHS_4 = {"epochs": 4}
RECIPES = {  # those of which most is expected for their time first
    "base": Recipe(),
    "pre-trained on findings": Recipe(start="findings"),
    "rate 1e-3": Recipe(train={"encoder_learning_rate": 1e-3}),
    "size kept": Recipe(train={"augment": {"scale": 0.0}}),
    "224 px": Recipe(px=224),
    "mask as a channel": Recipe(mask=True),
    "rate 1e-4": Recipe(train={"encoder_learning_rate": 1e-4}),
    "no mean of weights": Recipe(train={"ema_decay": 0.0}),
    "strong augmentation": Recipe(train={"augment": STRONG}),
    "15 epochs": Recipe(train={"epochs": 15}),
    "pre-trained on tb": Recipe(start="tb"),
    "256 px": Recipe(px=256),
    "lite2, 256 px": Recipe(encoder="efficientnet-lite2", px=256),
    "rate 5e-5": Recipe(train={"encoder_learning_rate": 5e-5}),
    "probe": Recipe(frozen=True),
    "probe, pre-trained on findings": Recipe(frozen=True, start="findings"),
    "probe, pre-trained on findings, 160 px": Recipe(frozen=True, start="findings", px=160),
    "probe, pre-trained on tb": Recipe(frozen=True, start="tb"),
    "probe, 160 px": Recipe(frozen=True, px=160),
    "probe, 224 px": Recipe(frozen=True, px=224),
    "probe, 256 px": Recipe(frozen=True, px=256),
    "probe, lite2, 256 px": Recipe(frozen=True, encoder="efficientnet-lite2", px=256),
    "probe, mask as a channel": Recipe(frozen=True, mask=True),
    OWN: Recipe(start="findings", train=EPOCHS_4, **LIKE_OPENI),  # as the study openi trains its model `image`
    SETS: Recipe(start="findings and sets", train=EPOCHS_4, **LIKE_OPENI),
    f"{OWN}, 8 epochs": Recipe(start="findings", **LIKE_OPENI),
    f"{SETS}, 8 epochs": Recipe(start="findings and sets", **LIKE_OPENI),
    f"{OWN}, strong augmentation": Recipe(start="findings", train=EPOCHS_4 | {"augment": STRONG}, **LIKE_OPENI),
    f"{SETS}, strong augmentation": Recipe(
        start="findings and sets", train=EPOCHS_4 | {"augment": STRONG}, **LIKE_OPENI
    ),
    f"{SETS}, 8 epochs, strong augmentation": Recipe(
        start="findings and sets", train={"augment": STRONG}, **LIKE_OPENI
    ),
    f"{OWN}, pre-trained 10 epochs": Recipe(start="findings", train=EPOCHS_4, **LIKE_OPENI | {"start_epochs": 10}),
    f"{SETS}, rate 1e-4": Recipe(
        start="findings and sets", train=EPOCHS_4 | {"encoder_learning_rate": 1e-4}, **LIKE_OPENI
    ),
    "findings, 224 px": Recipe(start="findings", train=EPOCHS_4, **LIKE_OPENI | {"px": 224, "start_px": 224}),
    "findings and sets, 224 px": Recipe(
        start="findings and sets", train=EPOCHS_4, **LIKE_OPENI | {"px": 224, "start_px": 224}
    ),
}


class Bench:
    """A study's pairs and images, laid out in a folder by the study's own stages."""

    def __init__(self, work: Path, study: str):
        self.work, self.params = work, read_params(PARAMS)
        self.name, self.study = load_study(self.params | {"study": study})
        self.task = load_task(self.study.task, self.study.labels)
        self.raw = Plan(self.name, self.study).raw

    @cached_property
    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Reports, views and pairs."""
        found, study = self._reports("openi", self.raw), self.study
        read = {name: found[name] for name in ["reports", "views", "values"]}
        out = {name: self.work / f"{name}.csv" for name in [*FILTERED, "findings", "check_scores", "check_cases"]}
        filtered = {name: out[name] for name in FILTERED}
        asked = {name: getattr(study, name) for name in ["task", "view", "filter", "seed"]}
        rejected = {"index": self.array(256)[1], "rejected_inputs": [found["rejected_reports"]]}
        call("filter", asked | read | filtered | rejected | {"modalities": MODALITIES})
        read |= {"value_columns": found["value_columns"]}
        limits = CheckLimits.model_validate(study.check.model_dump(include=set(CheckLimits.model_fields)))
        checked = {"title": "openi", "notice": "", "task": study.task, "filter": study.filter, "limits": limits}
        checked |= {"reads": choices_read(study), "folds": study.split.folds, "check_page": self.work / "data_check.md"}
        call("data-check", checked | read | out)
        split = {name: getattr(study, name) for name in ["task", "labels", "split", "seed", "rejected_share"]}
        split |= {"modalities": MODALITIES, "allow": study.check.allow, "findings": out["findings"]}
        split |= {name: found[name] for name in ["values", "value_columns"]}
        made = {name: self.work / f"{name}.csv" for name in ["pairs", "validation"]}
        call("split", split | filtered | made)
        tables = {found["reports"]: Reports, found["views"]: Views, made["pairs"]: Pairs}
        return tuple(read_table(path, kind) for path, kind in tables.items())

    def array(self, px: int, dataset: str = "openi", raw: Path | None = None) -> tuple[Path, Path]:
        """The image array of a size, and its index."""
        raw = raw or self.raw
        array, index, rejected = (self.work / f"{dataset}_{px}" / name for name in ["images.npy", "i.csv", "r.csv"])
        if not rejected.exists():
            settings = ImageSettings.model_validate(self.study.images.model_dump() | {"image_size": px})
            made = {"array": array, "index": index, "rejected_images": rejected}
            asked = {"dataset": dataset, "raw": raw, "view": self.study.view, "images": settings}
            call("images", asked | made | {"views": self._reports(dataset, raw)["views"]})
        return array, index

    def source(self, rows: pd.DataFrame, px: int, mask: bool = False) -> ImageSource:
        """The images of a table with a column image_id."""
        pixels = self.pixels(rows, px)
        if mask:
            pixels = np.stack([pixels, pixels, self.masks(rows, px)], axis=-1)
        return ImageSource(pixels, np.arange(len(rows)))

    def pixels(self, rows: pd.DataFrame, px: int) -> np.ndarray:
        array, index = self.array(px)
        at = image_rows(rows, read_table(index, ImageIndex))
        return np.asarray(read_array(array, at.max() + 1)[at])

    def masks(self, rows: pd.DataFrame, px: int) -> np.ndarray:
        """Lung masks as images, made once."""
        kept = self.work / f"masks_{px}.npy"
        if not kept.exists():
            from lungfuse.segment.segmenter import load_segmenter

            found = load_segmenter(PACKAGED).masks(self.pixels(rows, px), self.study.segmentation.mask)
            np.save(kept, np.stack([mask for _, mask in found]).astype(np.uint8) * 255)
        return np.load(kept)

    def encoder(self, recipe: Recipe) -> Encoder:
        """The encoder that a recipe starts from."""
        folder = self.work / "encoders" / recipe.encoder
        if not (folder / "model.safetensors").exists():
            files = {"config": folder / "config.json", "weights": folder / "model.safetensors"}
            call("encoder", {"name": recipe.encoder} | files)
        found = load_encoder(recipe.encoder, folder)
        if recipe.start:
            found.network.load_state_dict(load_file(self.pretrained(recipe)))
        return found

    def features(self, recipe: Recipe) -> np.ndarray:
        """The mean token of each pair's image, (pair, width), made once."""
        path = self.work / "features" / f"{file_name(recipe)}.npy"
        if not path.exists():
            network, source = self.encoder(recipe).eval(), self.source(self.tables[2], recipe.px, recipe.mask)
            with torch.inference_mode():
                found = [
                    network(source.batch(part)["pixels"]).mean(1) for part in in_order(np.arange(len(source.rows)), 32)
                ]
            path.parent.mkdir(exist_ok=True)
            np.save(path, torch.cat(found).numpy())
        return np.load(path)

    def pretrained(self, recipe: Recipe) -> Path:
        """The weights of an encoder that has learned something else first, made once."""
        path = self.work / "pretrained" / f"{recipe.start_name}.safetensors"
        if not path.exists():
            start = time.perf_counter()
            starts = {"findings": self.findings, "findings and sets": self.with_sets, "tb": self.tuberculosis}
            task, targets, source = starts[recipe.start](recipe.start_px)
            plain = Recipe(recipe.encoder, recipe.start_px, train=PRETRAIN | {"epochs": recipe.start_epochs})
            dataset, everything = PairDataset(targets, {"image": source}), np.arange(len(targets))
            module = self.fitted(plain, task, dataset, everything, np.ones(task.outputs), seed=0)
            path.parent.mkdir(exist_ok=True)
            save_file({k: v.contiguous() for k, v in module.encoders["image"].network.state_dict().items()}, path)
            print(f"{path.stem}: {len(targets)} images, {time.perf_counter() - start:.0f} s", flush=True)
        return path

    def findings(self, px: int) -> tuple[Task, np.ndarray, ImageSource]:
        """Other frontal images of the collection with the headings of their reports."""
        reports, views, pairs = self.tables
        cases = pretraining_cases(reports, views, pairs, read_table(self.array(px)[1], ImageIndex))
        labels = headings_of(cases, LEAST)
        print(f"{len(cases)} images of others; labels: {', '.join(labels)}", flush=True)
        return load_task("multilabel", list(labels)), labels.to_numpy(float), self.source(cases, px)

    def with_sets(self, px: int) -> tuple[Task, np.ndarray, ImageSource]:
        """These, and the images of `pretraining.sets`, each with labels of its own."""
        task, targets, source = self.findings(px)
        out = {name: self.work / f"sets_{px}" / file for name, file in SETS_FILES.items()}
        if not out["other_cases"].exists():
            array, index = self.array(px)
            images = ImageSettings.model_validate(self.study.images.model_dump() | {"image_size": px})
            read = {"array": array, "index": index, "pairs": self.work / "pairs.csv", "raw_root": RAW}
            call("pretraining-images", {"sets": self.study.pretraining.sets, "images": images} | read | out)
        others = read_table(out["other_cases"], LabelledCases)
        names = [name for name in others if name.startswith("label_")]
        found = side_by_side(targets, others[names].to_numpy(float, na_value=np.nan))
        pixels = np.concatenate([source.images, np.load(out["other_images"])[others["row"]]])
        print(f"{len(pixels)} images with those of {', '.join(self.study.pretraining.sets)}", flush=True)
        return load_task("multilabel", [*task.labels, *names]), found, ImageSource(pixels, np.arange(len(pixels)))

    def tuberculosis(self, px: int) -> tuple[Task, np.ndarray, ImageSource]:
        """The X-rays of tb with their class."""
        raw = Path("data/raw/tb")
        array, index = self.array(px, "nlm_tb", raw)
        found = read_table(self._reports("nlm_tb", raw)["reports"], Reports)
        table = read_table(index, ImageIndex).merge(read_table(self._reports("nlm_tb", raw)["views"], Views))
        table = table.merge(found, on="report_id").sort_values("row")
        targets = (table["major"] == "Tuberculosis").to_numpy(float)[:, None]
        return load_task("binary", ["normal", "tb"]), targets, ImageSource(np.load(array), table["row"].to_numpy())

    def fitted(
        self,
        recipe: Recipe,
        task: Task,
        dataset: PairDataset,
        train_indices: np.ndarray,
        weights: np.ndarray,
        seed: int,
    ) -> Classifier:
        """A trained image model."""
        lightning.seed_everything(seed, verbose=False)
        entry = ModelSettings(architecture="image", inputs={"image": "raw"}, train=TRAIN | recipe.train)
        settings = train_of(self.study, entry)
        width, fusion = encoder_spec(recipe.encoder).width, fusion_read(self.study, "image", ["image"])
        model = load_model("image").build({"image": width}, task.outputs, **fusion)
        counts = torch.tensor(weights, dtype=torch.float32)
        module = Classifier({"image": self.encoder(recipe)}, {}, model, task, settings, counts, seed)
        callbacks = [averaging(settings.ema_decay)] if settings.ema_decay else []
        trainer = make_trainer(settings, callbacks, progress_bar=False)
        trainer.fit(module, in_random_order(dataset, train_indices, settings.batch_size, seed))
        return module

    def _reports(self, dataset: str, raw: Path) -> dict[str, Path]:
        names = ["reports", "views", "values", "value_columns", "audited", "rejected_reports"]
        files = {name: self.work / f"{dataset}_{name}.csv" for name in names}
        if not files["rejected_reports"].exists():
            call("reports", {"dataset": dataset, "raw": raw} | files)
        return files


def side_by_side(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Labels (image, label) of two collections as those of one: what only the other collection knows is NaN."""
    found = np.full(np.add(first.shape, second.shape), np.nan)
    found[: first.shape[0], : first.shape[1]] = first
    found[first.shape[0] :, first.shape[1] :] = second
    return found


def parts(pairs: pd.DataFrame, fold: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions to learn from and to be scored on in a fold; neither has a pair of the fold itself."""
    scored = (fold + 1) % pairs["fold"].nunique()
    return (np.flatnonzero(mask) for mask in [~pairs["fold"].isin([fold, scored]), pairs["fold"] == scored])


def file_name(recipe: Recipe) -> str:
    """A name for what an encoder sees in a recipe."""
    start = recipe.start_name if recipe.start else recipe.encoder
    return "_".join(map(str, [start, recipe.px, *(["mask"] if recipe.mask else [])]))


def of_views(module: Classifier, dataset: PairDataset, positions: np.ndarray) -> np.ndarray:
    """Scores (pair, 1): the mean over images moved and scaled a little; none is turned over, for sides matter."""
    return np.mean([predict(module, Moved(dataset, view), positions) for view in VIEWS], axis=0)


class Moved(PairDataset):
    """Pairs whose images are moved by shares of their side and scaled."""

    def __init__(self, dataset: PairDataset, view: tuple[float, float, float]):
        super().__init__(dataset.targets, dataset.sources)
        object.__setattr__(self, "view", view)

    def __getitem__(self, positions: list[int]) -> dict:
        batch = super().__getitem__(positions)
        return {LABELS: batch[LABELS], "image": {"pixels": moved(batch["image"]["pixels"], *self.view)}}


def moved(pixels: Tensor, x: float, y: float, scale: float) -> Tensor:
    grey = pixels.ndim == 3
    found = pixels[:, None].float() if grey else pixels.float().movedim(-1, 1)
    affine = torch.tensor([[scale, 0, 2 * x], [0, scale, 2 * y]], dtype=torch.float32).expand(len(found), 2, 3)
    grid = functional.affine_grid(affine, list(found.shape), align_corners=False)
    found = functional.grid_sample(found, grid, mode="bicubic", align_corners=False).clamp(0, 255)
    return found[:, 0] if grey else found.movedim(1, -1)


def trained(bench: Bench, name: str, fold: int) -> dict:
    """Scores of a recipe in a fold, kept as JSON."""
    path = bench.work / "trained" / f"{name.replace(' ', '_').replace(',', '')}_fold{fold}.json"
    if path.exists():
        return json.loads(path.read_text())
    recipe, start = RECIPES[name], time.process_time()
    pairs = bench.tables[2]
    train_indices, scored = parts(pairs, fold)
    targets = bench.task.targets(pairs)
    if recipe.frozen:
        features = bench.features(recipe)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        model.fit(features[train_indices], targets[train_indices, 0])
        scores = {AS_IT_IS: model.predict_proba(features[scored])[:, 1]}
    else:
        dataset = PairDataset(targets, {"image": bench.source(pairs, recipe.px, recipe.mask)})
        module = bench.fitted(
            recipe, bench.task, dataset, train_indices, bench.task.weights(targets[train_indices]), seed=fold
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in module.state_dict().items()}, path.with_suffix(".safetensors"))
        scores = {AS_IT_IS: predict(module, dataset, scored)[:, 0], MOVED: of_views(module, dataset, scored)[:, 0]}
    found = {
        "recipe": name, "fold": fold, "seconds": round(time.process_time() - start, 1),
        "pair_id": pairs["pair_id"].iloc[scored].tolist(), "group": pairs["group"].iloc[scored].tolist(),
        "label": targets[scored, 0].tolist(),
    } | {kind: values.round(6).tolist() for kind, values in scores.items()}  # fmt: skip
    with atomic_write(path) as stream:
        json.dump(found, stream)
    return found


def table(bench: Bench) -> pd.DataFrame:
    """The recipes that have been trained, each beside its base on the same folds."""
    kept = [json.loads(path.read_text()) for path in sorted((bench.work / "trained").glob("*.json"))]
    found: dict[tuple[str, str], dict[int, dict]] = {}
    for each in kept:
        for kind in {AS_IT_IS, MOVED} & set(each):
            found.setdefault((each["recipe"], kind), {})[each["fold"]] = each
    rows = [
        {"recipe": name, "test": "as it is" if kind == AS_IT_IS else "mean of 7 views", "folds": len(folds)}
        | {"base": RECIPES[name].base}
        | beside(bench.task, folds, kind, found[RECIPES[name].base, AS_IT_IS])
        for (name, kind), folds in found.items()
    ]
    order = [*RECIPES]
    return pd.DataFrame(sorted(rows, key=lambda row: (order.index(row["recipe"]), row["test"])))


def beside(task: Task, folds: dict[int, dict], kind: str, base: dict[int, dict]) -> dict[str, float]:
    """Accuracy and AUROC, means over folds, and what they are above those of the base recipe, with 95 % intervals."""
    common = sorted(set(folds) & set(base))
    found = {}
    own, other = (_measures(task, [of[fold] for fold in common], by) for of, by in [(folds, kind), (base, AS_IT_IS)])
    for metric in ["accuracy", "auroc"]:
        at = METRICS.index(metric)
        gained = own[at] - other[at]
        low, high = limits_of(gained[1:], 0.95)
        found |= {metric: own[at][0], f"{metric}_gained": gained[0], f"{metric}_gained_low": low}
        found |= {f"{metric}_gained_high": high}
    return {name: round(float(value), 4) for name, value in found.items()}


def _measures(task: Task, folds: list[dict], kind: str) -> np.ndarray:
    """(metric, 1 + resample): as they are, then by group bootstrap; the draws depend on the groups alone."""
    found = []
    for fold in folds:
        names, group = np.unique(fold["group"], return_inverse=True)
        rng = np.random.default_rng(fold["fold"])
        times = np.concatenate([np.ones((1, len(names))), *times_drawn(len(names), RESAMPLES, rng)])
        labels, scores = np.array(fold["label"])[:, None], np.array(fold[kind])[:, None]
        found.append(task.measures(labels, scores, task.decide(scores), times[:, group]))
    return np.mean(found, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="openi")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is trained")
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES), help="those to train; none: only the table")
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    quiet()
    torch.set_num_threads(arguments.threads)
    bench = Bench(arguments.work, arguments.study)
    for name in arguments.recipes:
        for fold in arguments.folds:
            found = trained(bench, name, fold)
            said = beside(bench.task, {fold: found}, AS_IT_IS, {fold: found})
            print(f"{name}, fold {fold}: {said['accuracy']:.3f} {said['auroc']:.3f}, {found['seconds']} s", flush=True)
    scores = table(bench)
    print(scores.to_markdown(index=False))
    if arguments.csv:
        with atomic_write(arguments.csv) as stream:
            scores.to_csv(stream, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
