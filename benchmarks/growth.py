"""How time and memory grow with the number of pairs, stage by stage. Run: python benchmarks/growth.py

Each stage is a process of its own on one thread; time is that of the processor, so that other work on the machine
counts little; memory is without mapped files. All is on synthetic images of 64 px with the encoders of the demo. A
thousand studies of the demo are drawn and repeated under new numbers until there are enough pairs; each repetition adds
a sentence of its own to the findings, so that texts are the same as often as in the demo and not across repetitions.
Scores for `compare` (three models, one of both inputs) are random; the segmenter has random weights.

A stage whose measurement lies in --work is not run again.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from processes import Taken, measure

from lungfuse.datasets.openi import IMAGES, PROJECTIONS, REPORTS
from lungfuse.demo.draw import DrawnStudy, draw_images, plan_studies, report_xml, write_archive, write_projections
from lungfuse.plan.layout import Layout
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS, SEGMENTER, TRAINED_SETTINGS
from lungfuse.plan.plan import Plan
from lungfuse.settings.params import read_params
from lungfuse.settings.segmentation import UNetSettings
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs

ROOT = Path(__file__).resolve().parent.parent
STUDIES, PX = 1000, 64
STUDY, COMPARED, SEGMENTED = "growth", "growth-compared", "unet-tiny"
BOTH = {"images": "raw", "text": "findings"}
MODELS = {
    "tfidf": {"text": "findings"},
    "tfidf_hashed": {"architecture": "tfidf", "text": "findings", "settings": {"buckets": 1 << 18}},
    "early": BOTH,
    "kv-exchange": BOTH,
}
ACCURACIES = {"linear-probe": 0.8, "tfidf": 0.9, "linear-probe_both": 0.92}  # of random scores
PROBES = {"linear-probe": {"images": "raw"}, "linear-probe_both": {"architecture": "linear-probe"} | BOTH}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="+", default=[1_000, 10_000, 50_000])
    parser.add_argument("--stages", nargs="+", help="names of the stages to run; all, when not given")
    parser.add_argument("--work", type=Path, default=Path("data/growth"), help="folder of the drawn data and results")
    parser.add_argument("--csv", type=Path, help="file for the table")
    arguments = parser.parse_args()
    taken = [
        {"stage": stage, "pairs": pairs, **took._asdict()}
        for pairs in arguments.pairs
        for stage, took in run(pairs, arguments.work.resolve(), arguments.stages)
    ]
    table = growth(pd.DataFrame(taken))
    print(page(table))
    if arguments.csv:
        table.to_csv(arguments.csv, index=False, lineterminator="\n")


def growth(taken: pd.DataFrame) -> pd.DataFrame:
    """Milliseconds a pair, and for each pair more than at the size before, which leaves out what starting takes."""
    before = taken.groupby("stage")[["pairs", "cpu_seconds"]].shift(fill_value=0)
    more = (taken["cpu_seconds"] - before["cpu_seconds"]) / (taken["pairs"] - before["pairs"])
    return pd.DataFrame(
        {
            "stage": taken["stage"],
            "pairs": taken["pairs"],
            "cpu_seconds": taken["cpu_seconds"].round(1),
            "ms_a_pair": (1000 * taken["cpu_seconds"] / taken["pairs"]).round(2),
            "ms_a_further_pair": (1000 * more).where(before["pairs"] > 0).round(2),
            "own_mb": taken["own_mb"].round().astype(int),
            "peak_mb": taken["peak_mb"].round().astype(int),
        }
    )


def page(table: pd.DataFrame) -> str:
    """A line a stage; the last columns are the growth from the smallest size to the largest of pairs, time, memory."""
    wide = table.pivot(index="stage", columns="pairs").loc[list(dict.fromkeys(table["stage"]))]
    sizes = sorted(table["pairs"].unique())
    shown = pd.DataFrame(index=wide.index)
    for column, unit in [("ms_a_pair", "ms a pair"), ("ms_a_further_pair", "ms a further pair"), ("own_mb", "MB")]:
        for size in sizes if column != "ms_a_further_pair" else sizes[1:]:
            shown[f"{unit}, {size:,}"] = wide[column, size]
    for column, name in [("cpu_seconds", "time x"), ("own_mb", "memory x")]:
        shown[name] = (wide[column, sizes[-1]] / wide[column, sizes[0]]).round(2)
    return shown.reset_index().to_markdown(index=False)


def run(pairs: int, work: Path, wanted: list[str] | None) -> Iterator[tuple[str, Taken]]:
    """Run the stages on about so many pairs in a folder of their own."""
    folder = work / str(pairs)
    plan = prepare(pairs, folder)
    for name, *options in stages(plan):
        if wanted and name not in wanted:
            continue
        record = folder / "taken" / f"{name}.json"
        if not record.exists():
            if name == "compare":
                draw_scores(folder, plan.layout)
            took = measure(*options, folder=folder, threads=1)
            record.parent.mkdir(exist_ok=True)
            record.write_text(json.dumps(took))
        yield name, Taken(*json.loads(record.read_text()))


def prepare(pairs: int, folder: Path, **changes: dict) -> Plan:
    """Make a folder that stages run in: settings, with some `changes`, a segmenter, and raw files of so many pairs."""
    params = read_params(ROOT / PARAMS)
    study = params["studies"]["demo"] | {"dataset": "openi", "raw": "growth", "modalities": ["image", "text"]}
    study |= {"filter": {"balance": "none"}, "models": MODELS}
    study |= {"train": study["train"] | {"epochs": 1, "init_from": "encoder"}, "leakage": {"sections": []}} | changes
    compared = study | {"models": {"tfidf": MODELS["tfidf"], **PROBES}}
    params["studies"] |= {STUDY: study, COMPARED: compared}
    plan = Plan(*load_study(params | {"study": STUDY}))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PARAMS).write_text(yaml.safe_dump(params))
    if not (folder / plan.raw / PROJECTIONS).exists():
        draw(pairs, folder / plan.raw)
    for name, modality in plan.encoders.items():
        if not (folder / plan.layout.encoder(name, modality)["config"]).exists():
            measure(*of_study("encoder", encoder=name), folder=folder)
    if not (folder / plan.layout.segmenter_folder(SEGMENTED)).exists():
        save_segmenter(folder / plan.layout.segmenter_folder(SEGMENTED))
    return plan


def draw(pairs: int, raw: Path) -> None:
    """Raw files in the formats of OpenI with so many pairs: `STUDIES` drawn studies, repeated."""
    plan, images = (np.random.default_rng([0, part]) for part in range(2))
    once = plan_studies(plan, STUDIES)
    pictures = dict(draw_images(images, once, {}, PX))
    studies, drawn = repeated(once, pairs)
    raw.mkdir(parents=True, exist_ok=True)
    write_archive(raw / REPORTS, ((f"ecgen-radiology/{study.number}.xml", report_xml(study)) for study in studies))
    write_archive(raw / IMAGES, ((f"{name}.png", pictures[f"{source}.png"]) for name, source in drawn.items()))
    write_projections(raw / PROJECTIONS, studies)


def repeated(once: list[DrawnStudy], pairs: int) -> tuple[list[DrawnStudy], dict[str, str]]:
    """Studies with so many pairs, and the drawn image behind each of theirs, by id."""
    studies, drawn, copy = [], {}, 0
    while True:
        for study in once:
            if pairs <= 0:
                return studies, drawn
            number = study.number + 2 * copy * STUDIES
            views = {}
            for place, (source, view) in enumerate(study.views.items()):
                views[f"CXR{number}_IM-{copy:04d}-{1001 + place}"] = view
                drawn[f"CXR{number}_IM-{copy:04d}-{1001 + place}"] = source
            wording = study.wording
            if wording.findings:
                wording = replace(wording, findings=f"{wording.findings} Series {copy}.")
                pairs -= list(views.values()).count("Frontal") if study.label != "other" else 0
            studies.append(replace(study, number=number, views=views, wording=wording))
        copy += 1


def save_segmenter(folder: Path) -> None:
    """A small U-Net with random weights."""
    import keras

    from lungfuse.segment.unet import build_unet

    settings = UNetSettings(width=8, depth=2, normalisation="batch")
    keras.utils.set_random_seed(0)
    folder.mkdir(parents=True)
    build_unet(PX, settings).save(folder / SEGMENTER)
    (folder / TRAINED_SETTINGS).write_text(
        json.dumps({"image_size": PX, "fit": "stretch", "unet": settings.model_dump()})
    )


def stages(plan: Plan) -> Iterator[list]:
    """Name and command of each stage, in the order of a run."""
    yield from ([stage, *of_study(stage)] for stage in ["reports", "images", "filter", "data-check", "split"])
    yield ["masks", *of_study("masks", segmenter=SEGMENTED)]
    for source, reads in plan.feature_sets:
        yield [f"features: {plan.encoders[source]}", *of_study("features", source=source, reads=reads)]
    for name, config in plan.configs.items():
        file = plan.layout.model(name)
        yield [f"model: {name}", *of_study("model", model=name)]
        if config.train:
            yield [f"train: {name}", "train", "--model", file, "--run", "0"]
        else:
            yield [f"fit: {name}", "fit", "--model", file]
    yield ["compare", "compare", "--study", COMPARED]


def of_study(stage: str, **which: str) -> list[str]:
    return [stage, "--study", STUDY, *(part for name, value in which.items() for part in (f"--{name}", value))]


def draw_scores(folder: Path, of: Layout) -> None:
    """The pairs of the study `of`, and random predictions of the models that are compared on them."""
    layout, rng = Layout(COMPARED), np.random.default_rng(0)
    pairs = read_table(folder / of.split["pairs"], Pairs)[["pair_id", "fold", "label"]]
    for name, source in of.split.items():
        target = folder / layout.split[name]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / source, target)
    for name, accuracy in ACCURACIES.items():
        measure("model", "--study", COMPARED, "--model", name, folder=folder)
        correct = rng.random(len(pairs)) < accuracy
        sure = rng.uniform(0.5, 1, len(pairs))
        score = np.where(pairs["label"].eq(1) == correct, sure, 1 - sure).round(6)
        found = pairs.assign(score=score, prediction=(score >= 0.5).astype(int), probability=score, repeat=0)
        for file in layout.predictions(name).values():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            found.to_csv(folder / file, index=False)


if __name__ == "__main__":
    main()
