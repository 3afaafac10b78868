import shutil
from pathlib import Path

import one_node_slurm
import pytest


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A running Slurm; tests are skipped with the reason where there can be none."""
    try:
        one_node_slurm.install()
    except one_node_slurm.NoSlurmError as reason:
        pytest.skip(str(reason))
    folder: Path = tmp_path_factory.mktemp("slurm")
    try:
        one_node_slurm.start(folder)
        yield
    finally:
        one_node_slurm.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)
