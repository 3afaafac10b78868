"""How fast and how lean the ingest stages are. Run: python benchmarks/ingest.py [--raw data/raw/openi]

Two questions, one run, each stage in a process of its own:
reports and filter of the real collection (skipped without it) in seconds and peak memory; and decoding of drawn
512 px images in images a second on one core, with the peak memory for 500 and for 5,000 of them.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from processes import Taken, measure

from lungfuse.demo.chest import draw_frontal
from lungfuse.demo.draw import encode_png, write_archive


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
    files = {name: folder / f"{name}.csv" for name in ["reports", "views", "rejected", "candidates", "funnel", "all"]}
    reports = measure(
        "reports", "--dataset", "openi", "--raw", raw, "--reports", files["reports"], "--views", files["views"],
        "--rejected-reports", files["rejected"],
    )  # fmt: skip
    filtered = measure(
        "filter", "--study", "openi-text", "--reports", files["reports"], "--views", files["views"],
        "--rejected-inputs", files["rejected"], "--candidates", files["candidates"], "--funnel", files["funnel"],
        "--rejected", files["all"],
    )  # fmt: skip
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
    taken = measure(
        "images", "--dataset", "openi", "--raw", folder, "--view", "Frontal",
        "--images", json.dumps({"image_size": 224, "fit": "pad"}), "--views", folder / "views.csv",
        "--array", folder / "images.npy", "--index", folder / "index.csv", "--rejected-images", folder / "rejected.csv",
        "--threads", 1,
    )  # fmt: skip
    return _row("images", count, taken)


def _row(stage: str, count: int, taken: Taken) -> tuple:
    return stage, count, round(taken.seconds, 2), round(count / taken.seconds), round(taken.peak_mb)


if __name__ == "__main__":
    main()
