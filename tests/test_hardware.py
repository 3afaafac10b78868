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
