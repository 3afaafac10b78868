import subprocess
import sys

import pytest

from lungfuse.hardware import gpus


@pytest.mark.parametrize(("visible", "count"), [(None, 2), ("", 0), ("1", 1), ("0,1", 2), ("0,1,2", 2)])
def test_gpus_are_those_of_the_driver_that_may_be_seen(tmp_path, monkeypatch, visible, count):
    for card in ["0000:01:00.0", "0000:02:00.0"]:
        (tmp_path / card).mkdir()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus(tmp_path) == count
    assert gpus(tmp_path / "no driver") == 0


FREED = """
import resource
from lungfuse.processor import keep_freed_memory
{first}
len(b"x" * (40 << 20))
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    len(b"x" * (40 << 20))
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_freed_memory_is_used_again_where_it_is_kept():
    """Else each block of 40 MB is made of new pages, ten thousand of them."""

    def faults(first: str) -> int:
        return int(subprocess.check_output([sys.executable, "-c", FREED.format(first=first)]))

    assert faults("keep_freed_memory()") < 1000 < 50_000 < faults("")
