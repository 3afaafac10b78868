"""What the checkpoints of a training hold, and that a broken training goes on from them."""

import pytest
import torch
from safetensors.torch import load_file

from lungfuse.settings.rows import Row
from lungfuse.train.engine import History

IMAGE = Row(model="image", images="raw")


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_frozen_layers_are_in_no_checkpoint_and_are_there_again(small, tmp_path, monkeypatch, ema_decay):
    """Only the encoder's last block learns."""
    short = {"layers": "top:2", "epochs": 3, "ema_decay": ema_decay}
    small.train(tmp_path / "unbroken", IMAGE, **short)

    ends = History.on_train_epoch_end

    def break_off(history, trainer, module):
        ends(history, trainer, module)
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(History, "on_train_epoch_end", break_off)
        small.train(tmp_path / "broken", IMAGE, **short)
    for name in ["last.ckpt", "best.ckpt"]:
        held = torch.load(tmp_path / "broken" / name, weights_only=True)
        for state in {"state_dict", "current_model_state"} & set(held):
            assert any(".layer.1." in key or "layers.1." in key for key in held[state]), "what learns"
            assert not any("embeddings" in key or "layer.0." in key or "layers.0." in key for key in held[state])
        learned = [key for key in held["state_dict"] if "." in key and "absent" not in key]  # no pair lacks its image
        assert len(held["optimizer_states"][0]["state"]) == len(learned)
    small.train(tmp_path / "broken", IMAGE, **short)
    unbroken, broken = (load_file(tmp_path / run / "model.safetensors") for run in ["unbroken", "broken"])
    assert unbroken.keys() == broken.keys() and any("embeddings" in key for key in unbroken)
    assert all(torch.equal(unbroken[key], broken[key]) for key in unbroken)
