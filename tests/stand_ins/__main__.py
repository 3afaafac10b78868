"""In front of the real `python -m lungfuse`, which is `real_main` in a project with stand-ins: see `stand_ins`."""

import runpy
import sys

STAND_INS = {  # stages, and the modules that have their parameters
    "encoder": "train/encoder.py",
    "features": "train/features.py",
    "linear-probe": "train/linear_probe.py",
    "train": "train/train.py",
    "segmenter": "segment/train_segmenter.py",
    "segmentation-scores": "segment/segmentation_scores.py",
    "masks": "segment/masks.py",
    "attention": "predict/attention.py",
    "figures": "report/figures.py",
    "pictures": "report/pictures.py",
}

if __name__ == "__main__":
    if module := STAND_INS.get(sys.argv[1]):
        from lungfuse.stand_ins import main

        main(sys.argv[1], module)
    else:
        runpy.run_module("lungfuse.real_main", run_name="__main__")
