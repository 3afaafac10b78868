"""How large the report of a large study is, and how long a browser works until it is there.

python benchmarks/report_size.py --work drawn --csv docs/results/benchmarks/report_size.csv

draws the results of studies of more and more models, labels and folds (numbers at random, every figure a forest plot of
all models), writes their reports and opens each in headless Chromium, three times; the median is kept. `work` is the
time that the page's own thread takes until it is loaded, whatever else the machine does.
"""

import argparse
import statistics
import time
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import Browser, sync_playwright

from lungfuse import registry
from lungfuse.plan.analyses import ANALYSES
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.report.forest import LINE, forest
from lungfuse.report.style import BLUE, save, sheet
from lungfuse.settings.params import read_params
from lungfuse.stages import call
from lungfuse.tables.comparison import Comparison, Verdict
from lungfuse.tables.segmentation import MaskQuality, Segmentation

SIZES = [(10, 2, 5), (30, 6, 5), (100, 14, 20)]  # models, labels, folds
ROOT = Path(__file__).resolve().parent.parent
CASES, TIMES = 3000, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the drawn studies")
    parser.add_argument("--csv", type=Path, required=True)
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        records = [measured(browser, arguments.work / f"{models}", models, *size) for models, *size in SIZES]
        browser.close()
    pd.DataFrame(records).round(2).to_csv(arguments.csv, index=False)
    print(pd.DataFrame(records).round(2).to_string(index=False))


def measured(browser: Browser, folder: Path, models: int, labels: int, folds: int) -> dict[str, float]:
    """The report of a drawn study: its size, and the time to write and to open it."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(*load_study(settings(models, labels, folds)))
    with chdir(folder):
        draw(plan, models, labels)
        start = time.process_time()
        job = plan.document()
        call(job.stage, job.arguments)
        written = time.process_time() - start
    page = folder / plan.layout.report
    opened = [work(browser, page) for _ in range(TIMES)]
    record = {"models": models, "labels": labels, "folds": folds, "megabytes": page.stat().st_size / 1e6}
    return record | {"seconds_to_write": written, "work": statistics.median(opened)}


def settings(models: int, labels: int, folds: int) -> dict:
    """A study of so many networks that read a column."""
    params = read_params(ROOT / "params.yaml")
    demo = dict(params["studies"]["demo"])
    rules = [{"name": f"label{n}", "column": "crp", "positive": [str(n)]} for n in range(labels)]
    demo |= {"task": "multilabel", "filter": {"labels": rules, "balance": "none", "required": []}}
    demo |= {"split": {"folds": folds, "validation": 0.2}, "leakage": {"sections": []}}
    demo["models"] = {"majority": {}} | {
        f"model-{n}": {"architecture": "structured", "structured": ["age"], "train": {"learning_rate": n / 100_000}}
        for n in range(1, models)
    }
    return params | {"study": "drawn", "studies": {"drawn": demo}}


def draw(plan: Plan, models: int, labels: int) -> None:
    """Everything that the report of a study is made from."""
    rng, layout = np.random.default_rng(0), plan.layout
    for name, config in plan.configs.items():
        call("model", {"config": config, "file": layout.model(name)})
    names, values = list(plan.configs), pd.DataFrame(rng.random((models, 3)), columns=["value", "low", "high"])
    figure, ((axes,),) = sheet("drawn", 1, 1, LINE * models + 0.6)
    forest(axes, names, values.apply(np.sort, axis=1, raw=True)[["low", "value", "high"]], [BLUE] * models, names)
    save(figure, layout.figure("drawn"))
    drawn = layout.figure("drawn").read_text()
    tables = {"comparison": Comparison, "verdict": Verdict, "segmentation": Segmentation}
    for part in plan.report_parts:
        for file in part.files:
            file.parent.mkdir(parents=True, exist_ok=True)
        if part.figure:
            part.figure.write_text(drawn)
        if part.page:
            part.page.write_text("# Page\n\n" + "A sentence of a card.\n\n" * 30)
        if part.table:
            quality = MaskQuality if part.name.startswith("masks_") else None
            kind = quality or tables.get(part.name) or registry.load(ANALYSES, part.name).TABLE
            table(rng, kind, names, labels).to_csv(part.table, index=False)
    steps = {"pairs": CASES, "reports of pairs": CASES, "groups of pairs": CASES}
    pd.Series(steps, name="count").rename_axis("step").to_csv(layout.table("funnel"))
    layout.table("check").write_text("severity,kind,subject,found,effect,remedy\n")
    layout.logs.mkdir(parents=True, exist_ok=True)


def table(rng: np.random.Generator, kind: type, names: list[str], labels: int) -> pd.DataFrame:
    """A table of a kind: a row a model, and a label where it has them."""
    schema = kind.to_schema().columns
    each = labels if "label" in schema else 1
    rows = len(names) * each if "row" in schema else 20
    made = {}
    for name, column in schema.items():
        number = str(column.dtype).startswith(("float", "Float", "int", "Int"))
        made[name] = rng.random(rows).round(4) if "loat" in str(column.dtype) else rng.integers(0, 999, rows)
        made[name] = made[name] if number else np.repeat("drawn", rows)
        made[name] = rng.random(rows) > 0.5 if str(column.dtype) == "bool" else made[name]
    known = {
        "row": np.resize(np.repeat(names, each), rows),
        "label": np.resize([f"label{n}" for n in range(each)], rows),
    }
    known |= {"word": np.resize(["better", "inconclusive"], rows), "metric": np.repeat("auroc", rows)}
    return pd.DataFrame(made | {name: found for name, found in known.items() if name in schema})


def work(browser: Browser, page: Path) -> float:
    """Seconds of the page's own thread until it is loaded."""
    opened = browser.new_page(viewport={"width": 1366, "height": 768})
    measures = opened.context.new_cdp_session(opened)
    measures.send("Performance.enable", {"timeDomain": "threadTicks"})
    opened.goto(page.resolve().as_uri())
    found = {each["name"]: each["value"] for each in measures.send("Performance.getMetrics")["metrics"]}
    opened.close()
    return found["TaskDuration"]


if __name__ == "__main__":
    main()
