"""What the checkpoints of a training hold, and that a killed training goes on from them."""

import pytest
import torch
from conftest import truncate
from safetensors.torch import load_file

from lungfuse import dependencies
from lungfuse.train.engine import History

IMAGE = {"architecture": "image", "images": "raw"}


def weights(small, config) -> bytes:
    return (small.fold(config) / "model.safetensors").read_bytes()


def another_module(name: str, folder):
    """Where modules lie, with that of this name in a folder and changed."""
    known = dependencies.source
    changed = folder / "changed.py"
    changed.write_bytes(known(name).read_bytes() + b"\n")
    return lambda module: changed if module == name else known(module)


FAULTS = {  # what is other than when the training was killed, and whether the weights are too
    "nothing": False,
    "settings": True,
    "the encoder's module": False,
    "the module of its network": False,
    "pixels": True,
    "cut last.ckpt": False,
    "cut best.ckpt": False,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_killed_training_goes_on_only_where_all_is_as_it_was(small, tmp_path, monkeypatch, capsys, fault):
    short = {"epochs": 1, "layers": "top:1"}
    config = small.model(**IMAGE, train=short)
    with monkeypatch.context() as killed:
        killed.setattr("lungfuse.train.train.remove_checkpoints", lambda folder: None)
        small.train(config)
    before = weights(small, config)
    if fault == "settings":
        small.model(**IMAGE, train=short | {"label_smoothing": 0.1})
    elif "module" in fault:
        name = "image.vit_tiny" if fault == "the encoder's module" else "networks.vit"
        monkeypatch.setattr(dependencies, "source", another_module(f"lungfuse.encoders.{name}", tmp_path))
    elif fault == "pixels":
        small.images[:] += 1
        small.write()
    elif fault != "nothing":
        truncate(small.fold(config) / fault.removeprefix("cut "))
    capsys.readouterr()
    small.train(config)
    said = capsys.readouterr()
    assert ("epoch 0," in said.out) is (fault != "nothing")
    assert ("is damaged, so the training starts anew" in said.err) is fault.startswith("cut")
    assert (weights(small, config) != before) is FAULTS[fault]
    assert not list(small.fold(config).glob("*.ckpt"))


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_frozen_layers_are_in_no_checkpoint_and_are_there_again(small, monkeypatch, ema_decay):
    """Only the encoder's last block learns."""
    short = {"layers": "top:2", "epochs": 2, "ema_decay": ema_decay}
    unbroken, broken = (small.model(name, **IMAGE, train=short) for name in ["unbroken", "broken"])
    small.train(unbroken)

    ends = History.on_train_epoch_end

    def break_off(history, trainer, module):
        ends(history, trainer, module)
        if trainer.current_epoch == 1:
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
