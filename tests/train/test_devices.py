"""One training on several devices: as processes here, on GPUs where there are any."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from model_configs import TRAIN
from pydantic import ValidationError

from lungfuse.errors import UserError
from lungfuse.hardware import batch_job
from lungfuse.settings.training import TrainSettings
from lungfuse.train.data import Batches, distributed
from lungfuse.train.engine import check_devices

IMAGE = {"architecture": "image", "images": "raw"}


def test_two_devices_train_one_model_write_it_once_and_end_with_the_same_weights_after_a_kill(small, stage):
    # As in a job of Slurm, whose tasks Lightning would otherwise wait for.
    slurm = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
    train = {"devices": 2, "epochs": 5}
    whole, killed = (small.model(name, **IMAGE, train=train) for name in ["whole", "killed"])
    trained = stage("train", "--model", small.file(whole), "--run", "0", "--threads", "2", env=os.environ | slurm)
    assert trained.returncode == 0, trained.stderr
    assert len(re.findall("^epoch", trained.stdout, re.M)) == 5, "one line an epoch, not one for each device"
    test = pd.read_csv(small.fold(whole) / "predictions.csv").query("part == 'test'")
    assert ((test["score"] >= 0.5) == test["label"]).mean() > 0.9

    command = ["train", "--model", str(small.file(killed)), "--run", "0"]
    run = subprocess.Popen([sys.executable, "-m", "lungfuse", *command], start_new_session=True)
    while not (small.fold(killed) / "last.ckpt").exists():
        assert run.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not (small.fold(killed) / "model.safetensors").exists()
    resumed = stage(*command, check=True)
    assert "epoch 0," not in resumed.stdout, "it began anew"
    first, second = ((small.fold(each) / "model.safetensors").read_bytes() for each in [whole, killed])
    assert first == second
    assert list(pd.read_csv(small.fold(killed) / "history.csv")["epoch"]) == list(range(5))


def test_devices_share_every_batch(monkeypatch):
    positions, lengths = np.arange(40), np.ones(40, int)
    alone = list(Batches(positions, lengths, batch=8, seed=0))
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(distributed, "get_rank", lambda rank=rank: rank)
        shares.append(list(Batches(positions, lengths, batch=8, seed=0)))
    assert [len(share) for share in shares[0]] == [4] * 5
    assert [sorted(first + second) for first, second in zip(*shares, strict=True)] == [sorted(batch) for batch in alone]


def test_devices_that_cannot_share_a_batch_are_refused():
    with pytest.raises(ValidationError, match="batch_size 8 cannot be shared by 3 devices"):
        TrainSettings.model_validate(TRAIN.model_dump() | {"devices": 3})


def test_missing_gpus_are_reported_before_training(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    check_devices(1)
    with pytest.raises(UserError, match=r"devices: 2 GPUs asked for, found 1 \(CUDA_VISIBLE_DEVICES=3\)"):
        check_devices(2)


def test_a_job_of_a_cluster_says_where_it_runs(monkeypatch):
    for name in ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"]:
        monkeypatch.delenv(name, raising=False)
    assert batch_job() == ""
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert batch_job().endswith(f"Slurm job 12 on {socket.gethostname()}, GPUs: 1")
