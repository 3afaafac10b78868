"""LoRA beside full fine-tuning of a text encoder, on the texts and folds of a study.

    snakemake --cores 2 --config study=openi-text --until split text_encoder
    python benchmarks/lora.py --study openi-text --csv docs/results/benchmarks/lora.csv

The model `text` of the study is trained in every fold of its first repeat, each time with other `train.layers` and with
all other settings as they are, but that LoRA learns at a rate of its own. Accuracy is at a score of one half, AUROC
within folds; differences are from the first of the ways, by the same pairs, with intervals over groups. `learned` are
the parameters that learn, the head among them; `kept_mb` is the file of a fold.
"""

import argparse
import shutil
import tempfile
import time
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import t

from lungfuse.compare.by_fold import by_fold, groups_of
from lungfuse.compare.scores import join_predictions
from lungfuse.encoders.network import load_encoder
from lungfuse.files import atomic_write, slug
from lungfuse.plan.layout import Layout
from lungfuse.plan.load import load_study
from lungfuse.plan.model import main as write_model
from lungfuse.plan.names import ENCODER_ROOT, PARAMS
from lungfuse.plan.plan import Plan
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.params import read_params
from lungfuse.stages import call
from lungfuse.statistics.gains import degrees_of_freedom, gain
from lungfuse.statistics.within_folds import mean_value
from lungfuse.tables.base import read_table
from lungfuse.tables.ingest import Folds, Pairs
from lungfuse.tables.training import Predictions
from lungfuse.tasks import load_task
from lungfuse.train.networks import build
from lungfuse.tuning import tuning

CONFIDENCE = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="openi-text")
    parser.add_argument("--model", default="text", help="a model of one input with an encoder")
    parser.add_argument("--layers", nargs="+", default=["full", "lora:8"])
    parser.add_argument("--lora-rate", type=float, default=1e-3, help="learning rate of the encoder under LoRA")
    parser.add_argument("--epochs", type=int, help="in place of those of the study")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, help="a folder in which an interrupted run is taken up again")
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    plan = Plan(*load_study(read_params(PARAMS) | {"study": arguments.study}))
    with tempfile.TemporaryDirectory() as temporary:
        work = prepare(arguments.work or Path(temporary), plan.layout)
        with chdir(work):
            configs = [tuned(plan.configs[arguments.model], layers, arguments) for layers in arguments.layers]
            table = compared(configs, [train(config, arguments.threads) for config in configs])
    print(table.to_markdown(index=False))
    if arguments.csv:
        with atomic_write(arguments.csv) as stream:
            table.to_csv(stream, index=False, lineterminator="\n")


def prepare(work: Path, layout: Layout) -> Path:
    """A folder with the pairs and encoders of the project, so that nothing of it is changed."""
    for path in layout.split.values():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, work / path)
    if not (work / "data").exists():
        (work / "data").symlink_to(Path("data").resolve())
    return work


def tuned(config: ModelConfig, layers: str, arguments: argparse.Namespace) -> ModelConfig:
    """A model whose encoder learns in another way."""
    changes = {"layers": layers, "epochs": arguments.epochs or config.train.epochs}
    changes |= {"encoder_learning_rate": arguments.lora_rate} if layers.startswith("lora") else {}
    train = config.train.model_copy(update=changes)
    return config.model_copy(update={"name": f"{config.name}_{layers.replace(':', '-')}", "train": train})


def train(config: ModelConfig, threads: int) -> dict[str, float]:
    """Train a model in every fold where that is not done; returns what it takes."""
    layout = Layout(config.study)
    write_model(config=config, file=layout.model(config.name))
    took = []
    for fold in map(str, range(config.folds)):
        start = time.perf_counter()
        if not layout.network(config.name, fold)["settings"].exists():
            call("train", {"model": layout.model(config.name), "run": fold, "threads": threads})
        took.append(time.perf_counter() - start)
    call("pool-folds", {"model": layout.model(config.name), "n_seeds": 1})
    histories = [pd.read_csv(layout.network(config.name, str(fold))["history"]) for fold in range(config.folds)]
    kept = layout.network(config.name, "0")["weights"].stat().st_size / 1e6
    seconds = np.mean([history["seconds"].mean() for history in histories])
    return {"learned": learned(config), "seconds_per_epoch": seconds, "seconds_a_fold": np.mean(took), "kept_mb": kept}


def learned(config: ModelConfig) -> int:
    """How many parameters learn."""
    _, model = build(config, {}, load_task(config.task, config.labels), ENCODER_ROOT)
    parts: list[torch.nn.Module] = [model]
    for name in config.encoders.values():
        encoder = load_encoder(name, ENCODER_ROOT / slug(name))
        tuning(config.train.layers).set_up(encoder)
        parts.append(encoder)
    return sum(each.numel() for part in parts for each in part.parameters() if each.requires_grad)


def compared(configs: list[ModelConfig], took: list[dict[str, float]]) -> pd.DataFrame:
    """A row a way to train, with what it gains over the first."""
    task, layout = load_task(configs[0].task, configs[0].labels), Layout(configs[0].study)
    pairs, folds = read_table(layout.split["pairs"], Pairs), read_table(layout.split["fold_table"], Folds)
    joined = []
    for config in configs:
        file = layout.predictions(config.name)["predictions"]
        joined.append(join_predictions(task, pairs, read_table(file, Predictions), file, folds))
    groups, rows = groups_of(joined[0]), []
    for n, config in enumerate(configs):
        row = {"layers": config.train.layers, "n": len(pairs)}
        for metric in ["accuracy", "auroc"]:
            scored = [by_fold(task, joined[place], metric, decided_by="score") for place in (n, 0)]
            row[metric] = round(mean_value(scored[0]), 4)
            if n:
                found = gain(*scored, groups)
                low, high = t.interval(CONFIDENCE, degrees_of_freedom(groups), found.value, found.error)
                columns = [f"{metric}_{name}" for name in ["difference", "low", "high"]]
                row |= dict(zip(columns, np.round([found.value, low, high], 4), strict=True))
        rows.append(row | {key: round(value, 2) for key, value in took[n].items()})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
