"""How fast and how lean the ingest stages are. Run: python benchmarks/ingest.py [--raw data/raw/openi]

Two questions, one run, each stage in a process of its own:
reports and filter of the real collection (skipped without it) in seconds and peak memory; and decoding of drawn
512 px images in images a second on one core, with the peak memory for 500 and for 5,000 of them.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from processes import Taken, measure_call

from lungfuse.demo.chest import draw_frontal
from lungfuse.demo.draw import encode_png, write_archive
from lungfuse.plan.load import load_studies
from lungfuse.plan.names import PARAMS
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.params import read_params

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, default=Path("data/raw/openi"), help="folder of the real reports")
    parser.add_argument("--images", type=int, nargs="+", default=[500, 5000])
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        if (arguments.raw / "NLMCXR_reports.tgz").exists():
            rows += reports_and_filter(arguments.raw, Path(folder))
        else:
            print(f"{arguments.raw}: no real reports there; skipped", file=sys.stderr)
        rows += [decoding(count, Path(folder) / str(count)) for count in arguments.images]
    print(pd.DataFrame(rows, columns=["stage", "items", "seconds", "per second", "peak MB"]).to_markdown(index=False))


def reports_and_filter(raw: Path, folder: Path) -> list[tuple]:
    names = ["reports", "views", "values", "columns", "unread", "audited", "candidates", "funnel", "rejected"]
    files = {name: folder / f"{name}.csv" for name in names}
    tables = {name: files[name] for name in ["reports", "views", "values"]}
    outputs = {"value_columns": files["columns"], "rejected_reports": files["unread"], "audited": files["audited"]}
    reports = measure_call("reports", {"dataset": "openi", "raw": raw} | tables | outputs)
    study = load_studies(read_params(ROOT / PARAMS), only="openi-text")["openi-text"]
    asked = {name: getattr(study, name) for name in ["task", "modalities", "view", "filter", "seed"]}
    outputs = {name: files[name] for name in ["candidates", "funnel", "rejected"]}
    filtered = measure_call("filter", asked | tables | outputs | {"rejected_inputs": [files["unread"]]})
    count = len(pd.read_csv(files["reports"]))
    both = Taken(reports.seconds + filtered.seconds, *map(max, reports[1:], filtered[1:]))
    return [_row(name, count, taken) for name, taken in [("reports", reports), ("filter", filtered), ("both", both)]]


def decoding(count: int, folder: Path) -> tuple:
    """Decode `count` images of 512 px, made of twenty drawn ones, on one thread."""
    rng = np.random.default_rng(0)
    drawn = [encode_png(draw_frontal(rng, 1.0, 1, 512)[0]) for _ in range(20)]
    folder.mkdir()
    write_archive(folder / "NLMCXR_png.tgz", ((f"CXR{n}_a.png", drawn[n % 20]) for n in range(count)))
    views = pd.DataFrame({"image_id": [f"CXR{n}_a" for n in range(count)], "report_id": "CXR1", "view": "Frontal"})
    views.to_csv(folder / "views.csv", index=False)
    asked = {"dataset": "openi", "raw": folder, "view": "Frontal", "images": ImageSettings(image_size=224, fit="pad")}
    files = {"views": "views.csv", "array": "images.npy", "index": "index.csv", "rejected_images": "rejected.csv"}
    taken = measure_call("images", asked | {name: folder / file for name, file in files.items()} | {"threads": 1})
    return _row("images", count, taken)


def _row(stage: str, count: int, taken: Taken) -> tuple:
    return stage, count, round(taken.seconds, 2), round(count / taken.seconds), round(taken.peak_mb)


if __name__ == "__main__":
    main()
