"""How time and memory grow with the number of pairs, stage by stage. Run: python benchmarks/growth.py

Each stage is a process of its own on one thread; time is that of the processor, so that other work on the machine
counts little; memory is without mapped files. All is on drawn images of 64 px with the encoders of the demo. A thousand
studies of the demo are drawn and repeated under new numbers until there are enough pairs; each repetition adds a
sentence of its own to the findings, so that texts are the same as often as in the demo and not across repetitions.
Scores for `compare` (three rows, one of both inputs) are drawn; the segmenter has random weights.

A stage whose measurement lies in --work is not run again.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from processes import Taken, measure

from lungfuse.datasets.openi import IMAGES, PROJECTIONS, REPORTS
from lungfuse.demo.draw import DrawnStudy, draw_images, plan_studies, report_xml, write_archive, write_projections
from lungfuse.paths import Paths
from lungfuse.paths.names import FEATURE_INDEX, FEATURE_TOKENS, PARAMS, SEGMENTER, TRAINED_SETTINGS
from lungfuse.settings.params import load_study, read_params, to_json
from lungfuse.settings.rows import Row
from lungfuse.settings.segmentation import UNetSettings
from lungfuse.settings.study import Study
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Pairs

ROOT = Path(__file__).resolve().parent.parent
STUDIES, PX = 1000, 64
BUCKETS = 1 << 18
ROWS = {
    "tfidf": {"text": "findings"},
    "early": {"images": "raw", "text": "findings"},
    "kv-exchange": {"images": "raw", "text": "findings"},
}
COMPARED = {  # with the accuracy of their drawn scores
    "image": (Row(model="image", images="raw"), 0.8),
    "text": (Row(model="text", text="findings"), 0.9),
    "early": (Row(model="early", images="raw", text="findings"), 0.92),
}


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
    study = prepare(pairs, folder)
    for name, options in stages(Paths("growth", study), folder):
        if wanted and name not in wanted:
            continue
        record = folder / "taken" / f"{name}.json"
        if not record.exists():
            took = measure(*options, folder=folder, threads=1)
            record.parent.mkdir(exist_ok=True)
            record.write_text(json.dumps(took))
        yield name, Taken(*json.loads(record.read_text()))


def prepare(pairs: int, folder: Path) -> Study:
    """Make a folder that stages run in: settings, encoders, a segmenter, and the raw files of so many pairs."""
    params = read_params(ROOT / PARAMS)
    params["study"] = "growth"
    params["studies"]["growth"] = params["studies"]["demo"] | {
        "raw": "growth",
        "filter": {"balance": "none"},
        "train": params["studies"]["demo"]["train"] | {"epochs": 1, "init_from": "encoder"},
        "leakage": {"sections": []},
        "models": ROWS,
    }
    _, study = load_study(params)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PARAMS).write_text(yaml.safe_dump(params))
    paths = Paths("growth", study)
    if not (folder / paths.raw / PROJECTIONS).exists():
        draw(pairs, folder / paths.raw)
    for modality in study.modalities:
        name = getattr(study.encoders, modality)
        files = paths.encoder(name, modality)
        if not (folder / files["config"]).exists():
            measure("encoder", "--name", name, *_options(**files), folder=folder)
    if not (folder / paths.segmenter("tiny")).exists():
        save_segmenter(folder / paths.segmenter("tiny"))
    return study


def draw(pairs: int, raw: Path) -> None:
    """Raw files in the formats of OpenI with so many pairs: `STUDIES` drawn studies, repeated."""
    plan, images = (np.random.default_rng([0, part]) for part in range(2))
    once = plan_studies(plan, STUDIES)
    pictures = dict(draw_images(images, once, PX))
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
    (folder / TRAINED_SETTINGS).write_text(json.dumps({"image_size": PX, "unet": settings.model_dump()}))


def stages(paths: Paths, folder: Path) -> Iterator[tuple[str, list]]:
    """Name and command line of each stage, in the order of a run; what is not given is that of the study."""
    study = paths.study
    yield from ((stage, [stage]) for stage in ["reports", "images", "filter", "split"])
    yield "masks", [
        "masks",
        *_options(
            segmenter=paths.segmenter("tiny"), masks=paths.masks("tiny"), quality=paths.mask_quality("tiny"),
            settings=paths.mask_settings("tiny"),
        ),
    ]  # fmt: skip
    for modality, reads in [("image", "raw"), ("text", "findings")]:
        encoder = getattr(study.encoders, modality)
        features = paths.features(encoder, reads)
        yield f"features: {modality}", [
            "features",
            *_options(encoder=encoder, reads=reads, pooling="none", precision="fp32"),
            *_options(pairs=paths.pairs, encoder_root=paths.encoder_root),
            *_options(tokens=features / FEATURE_TOKENS, token_index=features / FEATURE_INDEX),
            *(_options(array=paths.array, index=paths.index) if modality == "image" else []),
        ]  # fmt: skip
    for row in ["early", "kv-exchange"]:
        trained = paths.model(row, 0)
        yield f"train: {row}", [
            "train",
            *_options(row=to_json(study.models[row]), fold=0, image_features=paths.features("vit-tiny", "raw")),
            *_options(text_features=paths.features("bert-tiny", "findings"), weights=trained / "model.safetensors"),
            *_options(history=trained / "history.csv", fold_predictions=trained / "predictions.csv"),
            *_options(settings=trained / TRAINED_SETTINGS),
            *["--labels", *study.labels],
        ]  # fmt: skip
    tfidf = _options(row=to_json(study.models["tfidf"]), predictions=paths.predictions("tfidf"))
    yield "baseline: tfidf", ["baseline", *tfidf]
    hashed = study.baselines.tfidf.model_copy(update={"buckets": BUCKETS})
    baselines = to_json(study.baselines.model_copy(update={"tfidf": hashed}))
    yield "baseline: tfidf, hashed", ["baseline", *tfidf, "--baselines", baselines]
    models = [row for row, _ in COMPARED.values()]
    if (folder / paths.pairs).exists():
        draw_scores(paths, folder)
    predictions = [str(paths.predictions(name)) for name in COMPARED]
    yield "compare", ["compare", "--models", to_json(models), "--predictions", *predictions]


def draw_scores(paths: Paths, folder: Path) -> None:
    """Out-of-fold predictions of `COMPARED`."""
    pairs = read_table(folder / paths.pairs, Pairs)[["pair_id", "fold", "label"]]
    rng = np.random.default_rng(0)
    (folder / paths.predictions("early")).parent.mkdir(parents=True, exist_ok=True)
    for name, (_, accuracy) in COMPARED.items():
        correct = rng.random(len(pairs)) < accuracy
        sure = rng.uniform(0.5, 1, len(pairs))
        score = np.where(pairs["label"].eq(1) == correct, sure, 1 - sure).round(6)
        found = pairs.assign(score=score, prediction=(score >= 0.5).astype(int))
        found.to_csv(folder / paths.predictions(name), index=False)


def _options(**values: object) -> list:
    return [part for name, value in values.items() for part in (f"--{name.replace('_', '-')}", value)]


if __name__ == "__main__":
    main()
