"""In front of the real `python -m lungfuse`, which is `real_main` in a project with stand-ins: see `stand_ins`."""

import json
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    modules = json.loads(Path(__file__).with_name("stand_ins.json").read_text())
    if sys.argv[1] in modules:
        from lungfuse.stand_ins import main

        main(sys.argv[1], modules[sys.argv[1]])
    else:
        runpy.run_module("lungfuse.real_main", run_name="__main__")
