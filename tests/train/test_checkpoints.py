"""What the checkpoints of a training hold, and that a broken training goes on from them."""

import pytest
import torch
from safetensors.torch import load_file

from lungfuse.train.engine import History

IMAGE = {"architecture": "image", "images": "raw"}


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_frozen_layers_are_in_no_checkpoint_and_are_there_again(small, monkeypatch, ema_decay):
    """Only the encoder's last block learns."""
    short = {"layers": "top:2", "epochs": 3, "ema_decay": ema_decay}
    unbroken, broken = (small.model(name, **IMAGE, train=short) for name in ["unbroken", "broken"])
    small.train(unbroken)

    ends = History.on_train_epoch_end

    def break_off(history, trainer, module):
        ends(history, trainer, module)
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(History, "on_train_epoch_end", break_off)
        small.train(broken)
    for name in ["last.ckpt", "best.ckpt"]:
        held = torch.load(small.fold(broken) / name, weights_only=True)
        for state in {"state_dict", "current_model_state"} & set(held):
            assert any(".layer.1." in key or "layers.1." in key for key in held[state]), "what learns"
            assert not any("embeddings" in key or "layer.0." in key or "layers.0." in key for key in held[state])
        learned = [key for key in held["state_dict"] if "." in key and "absent" not in key]  # no pair lacks its image
        assert len(held["optimizer_states"][0]["state"]) == len(learned)
    small.train(broken)
    whole, resumed = (load_file(small.fold(each) / "model.safetensors") for each in [unbroken, broken])
    assert whole.keys() == resumed.keys() and any("embeddings" in key for key in whole)
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
