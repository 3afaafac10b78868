import json

import numpy as np
import pandas as pd
import pytest
import torch
from model_configs import FUSION, TRAIN
from safetensors.torch import load_file
from small_study import run_stage

from lungfuse.errors import UserError
from lungfuse.plan.load import load_study
from lungfuse.plan.plan import Plan
from lungfuse.plan.reads import training_files
from lungfuse.settings.ingest import LabelRule
from lungfuse.tables.base import write_table
from lungfuse.tables.ingest import ImageIndex, Pairs, Reports, Views
from lungfuse.tables.training import LabelledCases
from lungfuse.train.pretrain import Files, Recipe, parts, to_learn
from lungfuse.train.starts import load_encoders

OTHERS = 24
RULES = [LabelRule(name="healthy", heading="normal"), LabelRule(name="lung", heading="Lung", match="contains")]


@pytest.fixture
def collection(small, tmp_path):
    """The small study, with the images of its first pairs as those of other patients too; every other one is ill."""
    names = [f"other{number}" for number in range(OTHERS)]
    empty = dict.fromkeys(["site", "automatic", "comparison", "indication", "findings", "impression"], "")
    headings = ["Nodule" if label else "normal" for label in small.pairs["label"][:OTHERS]]
    reports = pd.DataFrame({"report_id": names, "patient": names, "major": headings}).assign(**empty)
    paired = small.pairs["report_id"].drop_duplicates()
    own = pd.DataFrame({"report_id": paired, "patient": paired, "major": "Opacity"}).assign(**empty)
    files = {name: tmp_path / f"{name}.csv" for name in ["reports", "views", "index"]}
    write_table(pd.concat([reports, own]), files["reports"], Reports)
    views = pd.DataFrame({"image_id": names, "report_id": names})
    views = pd.concat([views, small.pairs[["image_id", "report_id"]].drop_duplicates("image_id")])
    write_table(views.assign(view="Frontal"), files["views"], Views)
    rows = small.pairs["image_id"][:OTHERS].map(small.index.set_index("image_id")["row"]).to_numpy()
    array = np.concatenate([small.images, small.images[rows]])
    np.save(tmp_path / "images.npy", array)
    added = pd.DataFrame({"image_id": names, "row": range(len(small.images), len(array)), "width": 64, "height": 64})
    write_table(pd.concat([small.index, added]), files["index"], ImageIndex)
    write_table(small.pairs, tmp_path / "pairs.csv", Pairs)
    files |= {"array": tmp_path / "images.npy", "pairs": tmp_path / "pairs.csv", "encoder_root": small.encoder_root}
    outputs = {"weights": "model.safetensors", "history": "history.csv", "settings": "settings.json"}
    return files | {key: tmp_path / "out" / name for key, name in outputs.items()}


def pretrain(collection, **changes):
    fusion = {key: FUSION[key] for key in ["hidden", "dropout"]}
    settings = {"encoder": "vit-tiny", "fusion": fusion, "seed": 0, "min_reports": 5, "label_rules": RULES}
    train = TRAIN.model_copy(update={"epochs": 1, "batch_size": 4})
    run_stage("pretrain", settings | {"leave_out_labels": False} | collection | {"train": train} | changes)


def test_an_encoder_learns_the_headings_of_other_patients_alone_for_models_to_start_from(collection, small):
    pretrain(collection)
    settings = json.loads(collection["settings"].read_text())
    assert settings["headings"] == ["nodule", "normal"]  # and not opacity, which only reports of pairs have
    assert settings["learned"] + settings["validated"] == OTHERS
    assert settings["labels"] == {"healthy": OTHERS // 2}
    assert len(pd.read_csv(collection["history"])) == 1
    encoders = load_encoders({"image": "vit-tiny"}, {"image": collection["weights"]}, small.encoder_root)
    learned = load_file(collection["weights"])
    for name, value in encoders["image"].state_dict().items():
        assert torch.equal(value, learned[f"encoders.image.{name}"])


def test_nothing_of_a_pair_decides_the_weights(collection):
    pretrain(collection)
    weights = load_file(collection["weights"])
    pixels = np.load(collection["array"])
    of_pairs = ~pd.read_csv(collection["index"])["image_id"].str.startswith("other")
    pixels[np.flatnonzero(of_pairs)] = 0
    np.save(collection["array"], pixels)
    reports = pd.read_csv(collection["reports"], dtype=str, keep_default_na=False)
    reports.loc[~reports["report_id"].str.startswith("other"), "major"] = "normal"
    write_table(reports, collection["reports"], Reports)
    pretrain(collection)
    again = load_file(collection["weights"])
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_a_pre_training_can_leave_out_the_labels_of_the_study(collection):
    reports = pd.read_csv(collection["reports"], dtype=str, keep_default_na=False)
    ill = reports.index[reports["major"] == "Nodule"]
    reports.loc[ill[:6], "major"] = "Nodule; Opacity/lung"
    write_table(reports, collection["reports"], Reports)
    pretrain(collection, leave_out_labels=True)
    settings = json.loads(collection["settings"].read_text())
    assert settings["headings"] == ["nodule", "opacity"] and settings["labels"] == {}
    assert settings["learned"] + settings["validated"] == len(ill), "the others have no other heading"


def test_labels_of_another_collection_are_learned_beside_the_headings_and_known_of_its_images_alone(
    collection, tmp_path
):
    """Every third image of the other collection is marked; only 20 images of the study's own are known to be ill."""
    others = pd.DataFrame({"image_id": [f"set/{number}" for number in range(12)], "collection": "set"})
    others = others.assign(group=others["image_id"].str[:5], row=range(12), label=0)
    others = others.rename(columns={"label": "label_set marked"})
    others.loc[::3, "label_set marked"] = 1
    files = {"other_images": tmp_path / "others.npy", "other_cases": tmp_path / "others.csv"}
    np.save(files["other_images"], np.full((12, 64, 64), 99, np.uint8))
    write_table(others, files["other_cases"], LabelledCases)
    read = Files(
        **{name: collection[name] for name in ["reports", "views", "pairs", "array", "index", "encoder_root"]}, **files
    )
    recipe = Recipe(
        encoder="vit-tiny", fusion={}, train=TRAIN, min_reports=5, label_rules=RULES, leave_out_labels=False, seed=0
    )
    learned = to_learn(read, recipe)
    assert learned.labels == ["nodule", "normal", "set marked"]
    assert np.isnan(learned.targets[:OTHERS, 2]).all() and np.isnan(learned.targets[OTHERS:, :2]).all()
    assert (learned.source.batch([OTHERS, OTHERS + 11])["pixels"] == 99).all()
    assert (learned.source.batch([0])["pixels"].numpy() != 99).any()
    pretrain(collection | files)
    settings = json.loads(collection["settings"].read_text())
    assert settings["headings"] == learned.labels
    assert settings["learned"] + settings["validated"] == OTHERS + 12


def test_the_images_of_a_report_stay_together():
    reports = pd.Series(["a", "b", "a", "c", "d", "d"])
    train_indices, val_indices = parts(reports, seed=0)
    assert set(train_indices) | set(val_indices) == set(range(6))
    assert not set(reports[train_indices]) & set(reports[val_indices])


def test_a_study_names_where_its_models_start_from(params):
    plan = Plan(*load_study(params | {"study": "openi"}))
    assert list(plan.pretrainings) == ["efficientnet-lite0", "efficientnet-lite0-without-labels"]
    assert plan.configs["image"].sources == {"image": "efficientnet-lite0_pretrained"}
    without = plan.configs["image_without-labels"]
    assert without.sources == {"image": "efficientnet-lite0_pretrained-without-labels"}
    (start,) = training_files(without, "0")["start"]
    made = plan.pretrain("efficientnet-lite0-without-labels")
    assert start == made.outputs["weights"] and made.settings["leave_out_labels"]
    assert [rule.name for rule in made.settings["label_rules"]] == ["normal", "lung"]
    assert not plan.pretrain("efficientnet-lite0").settings["leave_out_labels"]
    with pytest.raises(UserError, match=r"found 'minilm', from which no model of openi starts; expected one of effic"):
        plan.pretrain("minilm")
    assert plan.configs["early"].sources == {"image": "image_fold{run}", "text": "text_fold{run}"}
    assert plan.configs["text"].sources == {"text": "minilm"}
