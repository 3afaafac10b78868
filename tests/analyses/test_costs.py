"""What models take: as their jobs have recorded it, with frozen encoders and the parts of late fusions."""

import json

import pandas as pd
import pytest

from lungfuse.analyses.costs import TABLE, compute
from lungfuse.compare.results import Compared, Results
from lungfuse.encoders.network import load_encoder
from lungfuse.plan.layout import Layout
from lungfuse.tables.base import read_table, write_table


@pytest.fixture
def costs(small, tmp_path):
    """The table of a probe, a network on frozen features, one that learns its encoder, and a late fusion of two."""
    frozen = {"layers": "frozen", "epochs": 1}
    probe = small.model(architecture="linear-probe", images="raw")
    tfidf = small.model(architecture="tfidf", text="findings")
    early = small.model(name="early", train=frozen)
    image = small.model(architecture="image", images="raw", train={"layers": "top:1", "epochs": 1})
    late = small.model(
        architecture="late", images="raw", text="findings", parts={"image": "linear-probe", "text": "tfidf"}
    )
    for model in [probe, tfidf]:
        small.fit(model)
    for model in [early, image]:
        small.train(model)
    folders = [*(Layout("small").fold_folder(each.name, str(fold)) for each in [probe, tfidf] for fold in range(3))]
    folders += [Layout("small").fold_folder(each.name, "0") for each in [early, image]]
    results = Results(Compared(study="small", models=[each.name for each in [probe, tfidf, early, image, late]]))
    table = compute(results, [folder / "settings.json" for folder in folders])
    write_table(table, tmp_path / "costs.csv", TABLE)
    return read_table(tmp_path / "costs.csv", TABLE).set_index("row")


def test_a_row_has_what_a_model_takes(costs, small):
    encoders = {name: load_encoder(name, small.encoder_root / name) for name in ["vit-tiny", "bert-tiny"]}
    size = {name: sum(each.numel() for each in encoder.parameters()) for name, encoder in encoders.items()}
    assert costs["trainings"].to_dict() == {"linear-probe": 3, "tfidf": 3, "early": 1, "image": 1, "late": 3}
    assert costs.loc["linear-probe", "parameters"] == size["vit-tiny"]
    assert pd.isna(costs.loc["tfidf", "parameters"])
    assert costs.loc["early", "parameters"] == sum(size.values()) + costs.loc["early", "learned"]
    assert size["vit-tiny"] < costs.loc["image", "parameters"]
    assert costs.loc["image", "learned"] < costs.loc["image", "parameters"]
    assert costs["seconds_per_epoch"].notna().to_dict() == {
        "linear-probe": False, "tfidf": False, "early": True, "image": True, "late": False,
    }  # fmt: skip
    assert (costs["ms_per_prediction"] > 0).all()
    assert (costs["peak_memory_mb"] > 50).all()


def test_a_prediction_takes_what_its_encoders_take_and_a_late_fusion_what_its_parts_take(costs, small):
    feature_cost = json.loads((small.folder / "data/features/small/vit-tiny/raw/cost.json").read_text())
    assert costs.loc["linear-probe", "ms_per_prediction"] > feature_cost["ms_per_case"]
    parts = costs.loc[["linear-probe", "tfidf"]]
    assert costs.loc["late", "ms_per_prediction"] == pytest.approx(parts["ms_per_prediction"].sum())
    assert costs.loc["late", "peak_memory_mb"] == parts["peak_memory_mb"].max()
