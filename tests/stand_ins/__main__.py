"""In front of the real `python -m lungfuse`, which is `real_main` in a project with stand-ins: see `stand_ins`."""

import json
import runpy
import sys
from pathlib import Path

from lungfuse import prefork
from lungfuse.stages import STAGES

STAND_INS = json.loads(Path(__file__).with_name("stand_ins.json").read_text())
MODULES = [STAGES[stage].module for stage in STAND_INS]


def import_stand_in(module: str, files: list[int], real=prefork._import) -> None:
    """Let the server import the stand-in of a stage in place of what the stage imports."""
    real("lungfuse.stand_ins" if module in MODULES else module, files)


if __name__ == "__main__":
    prefork._import = import_stand_in
    STAGES.update({stage: STAGES[stage]._replace(library="") for stage in STAND_INS})  # one process serves them all
    if sys.argv[1] in STAND_INS:
        prefork.delegate()  # returns where no server is there
    elif sys.argv[1] == prefork.SERVE:
        import socket

        prefork.serve(socket.socket(fileno=int(sys.argv[2])))  # returns in the process of each job
    if sys.argv[1] in STAND_INS:
        from lungfuse.stand_ins import main

        main(sys.argv[1], sys.argv[2:])
    else:
        runpy.run_module("lungfuse.real_main", run_name="__main__")
