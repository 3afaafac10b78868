"""A small study of 120 pairs with everything that its report is made from; each figure and table is made once."""

from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from small_comparison import Drawn, draw_pairs
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from lungfuse.plan.job import Job
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params
from lungfuse.stages import call
from lungfuse.tables.base import Table, read_table, write_table
from lungfuse.tables.ingest import (
    Columns,
    Folds,
    Funnel,
    ImageIndex,
    Pairs,
    Rejected,
    Reports,
    Structured,
    Views,
    rejected_table,
)
from lungfuse.tables.segmentation import MaskQuality, Segmentation
from lungfuse.tables.training import Predictions, ValidationPredictions

ROOT = Path(__file__).resolve().parent.parent
MODELS = {
    "majority": {},
    "tfidf": {"text": "findings"},
    "logistic": {"structured": ["age"]},
    "image": {"images": "raw", "n_seeds": 2},
    "image_base": {"architecture": "image", "images": "raw", "encoders": {"image": "vit-base"}},
    "linear-probe_segmented": {"architecture": "linear-probe", "images": "segmented:unet-cxr-masks"},
    "structured": {"structured": ["age", "sex"], "n_seeds": 2},
    "early": {"images": "raw", "structured": ["age", "sex"], "n_seeds": 2},
    "early_dropped": {"architecture": "early", "images": "raw", "structured": ["age", "sex"]},
}
MODELS["early_dropped"]["ablation"] = "dropped-structured"
NOISE = {"majority": 9, "tfidf": 3, "logistic": 4, "linear-probe_segmented": 3, "early": 0.5}
SETTINGS = {
    "notice": "drawn",
    "split": {"folds": 4},
    "comparison": {
        "timings": False,
        "resamples": 100,
        "published": [{"images": "", "text": "findings", "accuracy": 0.88, "basis": "78 reports"}],
    },
    "leakage": {"sections": ["findings"], "draws": 1, "epochs": 2},
}


@dataclass(frozen=True)
class Reported:
    """The small study of a task, in a folder of its own. Stages run when a test asks for what they make."""

    plan: Plan
    folder: Path
    drawn: Drawn
    done: set[tuple] = field(default_factory=set)

    def run(self, stage: str, *which: str) -> Job:
        """Run a stage, if it has not run."""
        job = getattr(self.plan, stage)(*which)
        if (stage, *which) not in self.done:
            with chdir(self.folder):
                call(job.stage, job.arguments)
            self.done.add((stage, *which))
        return job

    def table(self, name: str, kind: type[Table]) -> pd.DataFrame:
        """The table of an analysis, by the names of the models."""
        self.run(*["compare"] if name == "comparison" else ["analysis", name])
        return read_table(self.folder / self.plan.layout.table(name), kind)

    def words(self, figure: str) -> str:
        """The words of the figure of an analysis."""
        self.run("compare")
        self.run("analysis", figure)
        return words_of(self.folder / self.plan.layout.figure(figure))

    def read(self, path: Path) -> str:
        return (self.folder / path).read_text(encoding="utf-8")


def words_of(figure: Path) -> str:
    return " ".join(ElementTree.parse(figure).getroot().itertext())


@pytest.fixture(scope="session")
def reported(tmp_path_factory) -> Callable[[str], Reported]:
    """The small study of a task: binary, multiclass or multilabel. Tests share what is made of it."""

    @cache
    def made(task: str) -> Reported:
        drawn = draw_pairs(task)
        study = Reported(Plan(*load_study(params_of(drawn))), tmp_path_factory.mktemp(task), drawn)
        with chdir(study.folder):
            write_pairs(study)
            write_images(study)
            write_models(study)
            write_pages(study)
        return study

    return made


def params_of(drawn: Drawn) -> dict:
    """The demo's settings with a few small models, as params.yaml would have them."""
    params = read_params(ROOT / "params.yaml")
    demo = params["studies"]["demo"] | SETTINGS | {"models": MODELS}
    if drawn.task.labels != ["normal", "lung"]:
        rules = [{"name": name, "column": "crp", "positive": [name]} for name in drawn.task.labels]
        if drawn.task.numbers:
            rules = [{"name": "age", "column": "crp", "range": [20, 80]}]
            demo |= {"comparison": demo["comparison"] | {"primary": "concordance"}}
            demo |= {"models": {name: model for name, model in MODELS.items() if name not in ["majority", "tfidf"]}}
        filters = {"labels": rules, "balance": "none", "required": []}
        demo |= {"task": drawn.name, "filter": filters, "leakage": {"sections": []}}
    return params | {"study": "drawn", "studies": {"drawn": demo}}


def write_pairs(study: Reported) -> None:
    """Pairs with their reports and columns; some have no text, no age or, but of two classes, no image."""
    layout, number = study.plan.layout, np.arange(120)
    has_image = (number % 3 > 0) | study.plan.two_classes
    findings = np.where(number % 40 == 0, "", np.where(number % 3 == 0, "Lungs low.", "The lungs are clear."))
    pairs = study.drawn.pairs.assign(site=np.where(number < 60, "Here", "There"), findings=findings, text=findings)
    pairs = pairs.assign(image_id=np.where(has_image, pairs["pair_id"], ""))
    write_table(pairs, layout.split["pairs"], Pairs)
    folds = pd.concat(pairs.assign(repeat=repeat) for repeat in range(2))
    write_table(folds, layout.split["fold_table"], Folds)
    reports = pairs[["report_id", "findings", "site"]].assign(
        patient=pairs["group"].astype(str), major="", automatic=""
    )
    reports = reports.assign(comparison="", indication="", impression="")
    write_table(reports, layout.reports["reports"], Reports)
    views = pairs.loc[has_image, ["report_id", "image_id"]].assign(view="Frontal")
    write_table(views, layout.reports["views"], Views)
    values = pd.DataFrame(
        {"pair_id": pairs["pair_id"], "age": np.where(number < 9, "", number.astype(str)), "sex": "F"}
    )
    write_table(values[::-1], layout.structured["structured"], Structured, ["age", "sex"])
    described = pd.DataFrame({"name": ["age", "sex"], "kind": ["number", "category"], "unit": ["years", ""]})
    write_table(described, layout.structured["structured_columns"], Columns)
    steps = {"step": ["images", "pairs", "reports of pairs", "groups of pairs"]}
    steps |= {"count": [2000, 120, 120, pairs["group"].nunique()]}
    halves = [None, 60, 60, None]
    write_table(pd.DataFrame(steps | {"negative": halves, "positive": halves}), layout.table("funnel"), Funnel)
    write_table(rejected_table([("image", "P9", "is broken | twice")]), layout.table("rejected"), Rejected)


def write_images(study: Reported) -> None:
    """Images in colour with masks of two lungs, and the scores of a segmenter."""
    layout, pairs = study.plan.layout, read_table(study.plan.layout.split["pairs"], Pairs)
    shown = pairs["image_id"][pairs["image_id"] != ""]
    index = pd.DataFrame({"image_id": shown, "row": np.arange(len(shown)), "width": 16, "height": 16})
    write_table(index, layout.images["index"], ImageIndex)
    images = np.random.default_rng(0).integers(0, 255, (len(shown), 16, 16, 3), dtype=np.uint8)
    np.save(layout.images["array"], images)
    masks = np.zeros(images.shape[:3], bool)
    masks[:, 4:12, 2:7] = masks[:, 4:12, 9:14] = True
    files = layout.masks("unet-cxr-masks")
    files["masks"].parent.mkdir(parents=True)
    np.save(files["masks"], masks)
    quality = index[["image_id"]].assign(area=0.3, components=2, asymmetry=0.1, contrast=40, suspicious="")
    write_table(quality, files["quality"], MaskQuality)
    record = {"segmenter": "unet-cxr-masks", "source": "Montgomery", "n": 9, "dice": 0.96, "dice_low": 0.95}
    record |= {"dice_high": 0.97, "iou": 0.9, "iou_low": 0.8, "iou_high": 0.95}
    scores = pd.DataFrame([record | {"mask": mask} for mask in ["thresholded", "clean"]])
    write_table(scores, layout.table("segmentation"), Segmentation)


def write_models(study: Reported) -> None:
    """The predictions of every model, and the histories of its trainings."""
    layout = study.plan.layout
    for seed, (name, config) in enumerate(study.plan.configs.items()):
        call("model", {"config": config, "file": layout.model(name)})
        repeats = 2 if MODELS[name].get("n_seeds") else 1
        predictions = study.drawn.predictions(NOISE.get(name, 2), seed, repeats)
        files = layout.predictions(name)
        write_table(predictions.sample(frac=1, random_state=0), files["predictions"], Predictions)
        validated = predictions.assign(fold=(predictions["fold"] + 1) % 4)
        write_table(validated, files["validated"], ValidationPredictions)
    history = pd.DataFrame({"epoch": [0, 1], "train_loss": [0.7, 0.5], "validation_loss": [0.7, 0.6]})
    for path in study.plan.histories:
        path.parent.mkdir(parents=True)
        history.to_csv(path, index=False)


def write_pages(study: Reported) -> None:
    """What the cards and pages read besides tables."""
    layout = study.plan.layout
    check = "# Data check: drawn\n\n| what | auroc |\n|---|---|\n| age | .7 |\n"
    layout.data_check["check_page"].write_text(check)
    words = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    if study.plan.tokenizer:
        study.plan.tokenizer.parent.mkdir(parents=True)
        words.save(str(study.plan.tokenizer))
    log = layout.logs / "train/text_fold0.log"
    log.parent.mkdir(parents=True)
    log.write_text("took 9.0 s of processor time and 500 MB at most\n")
    log.with_name("text_fold0.benchmark.tsv").write_text("s\n10\n")
