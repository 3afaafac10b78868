"""How fast a segmenter makes masks, and in how much memory. Run: python benchmarks/segmentation.py

Drawn images of 256 px, the U-Net of the study `tb` (or --width) with random weights: the time does not depend on them.
Each count of images is a process of its own, so that its peak memory is its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.demo.chest import draw_frontal
from lungfuse.files import atomic_array

PX = 256
MEASURED = """
import json, resource, sys, time
import numpy as np
from lungfuse.segment.segmenter import Segmenter
from lungfuse.segment.unet import build_unet
from lungfuse.settings.segmentation import MaskSettings, UNetSettings
from lungfuse.segment.keras_engine import dtype_of

path, width, precision = sys.argv[1:]
images = np.load(path, mmap_mode="r")
unet = UNetSettings(width=int(width), depth=5, normalisation="batch")
segmenter = Segmenter(build_unet(images.shape[1], unet, dtype_of(precision)), images.shape[1])
mask = MaskSettings(threshold=0.5, components=2, margin=0.0)
start = time.perf_counter()
count = sum(1 for _ in segmenter.masks(images, mask))
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
print(json.dumps({"images": count, "seconds": seconds, "images/s": count / seconds, "peak MB": peak}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[250, 1000])
    parser.add_argument("--width", type=int, nargs="+", default=[16, 32])
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in arguments.images:
            path = Path(folder) / f"{count}.npy"
            draw(path, count)
            for width in arguments.width:
                for precision in ["fp32", "auto"]:
                    rows.append({"width": width, "precision": precision} | measure(path, width, precision))
    print(pd.DataFrame(rows).round(1).to_markdown(index=False))


def draw(path: Path, count: int) -> None:
    """An array of `count` images, of which thirty differ."""
    rng = np.random.default_rng(0)
    drawn = [draw_frontal(rng, rng.normal(1, 0.15), 1, PX)[0] for _ in range(30)]
    with atomic_array(path, np.uint8, (PX, PX)) as append:
        for number in range(count):
            append(drawn[number % len(drawn)])


def measure(path: Path, width: int, precision: str) -> dict:
    command = [sys.executable, "-c", MEASURED, str(path), str(width), precision]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
