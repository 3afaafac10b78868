"""Recipes of the image row are compared, and pre-trained for, on what no test fold has seen."""

import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def recipes():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import image_recipes

    yield image_recipes
    sys.path.remove(str(ROOT / "benchmarks"))


def test_images_to_pre_train_on_share_no_patient_and_no_text_with_any_pair(recipes):
    reports = pd.DataFrame(
        [
            ("1", "a", "The lungs are clear."),  # of a pair
            ("2", "a", "Another visit of its patient."),
            ("3", "b", "the lungs ARE clear"),  # says what the pair says
            ("4", "c", ""),
            ("5", "d", "Low lung volumes."),
            ("6", "e", ""),  # of a pair, without a text
        ],
        columns=["report_id", "patient", "findings"],
    )
    views = pd.DataFrame({"report_id": [*"123456", "5"], "view": "Frontal"}).assign(image_id=[*"ABCDEFG"])
    views.loc[6, "view"] = "Lateral"
    pairs = pd.DataFrame({"report_id": ["1", "6"]})
    assert recipes.of_nobody_in(reports, views, pairs)["image_id"].tolist() == ["D", "E"]


def test_in_a_fold_no_pair_of_it_is_learned_from_or_scored_on(recipes):
    pairs = pd.DataFrame({"fold": np.arange(50) % 5})
    scored_on = []
    for fold in range(5):
        learn, scored = recipes.parts(pairs, fold)
        assert not {fold} & set(pairs["fold"].iloc[np.concatenate([learn, scored])])
        assert len(learn) == 30 and not set(learn) & set(scored)
        scored_on += list(scored)
    assert sorted(scored_on) == list(range(50)), "each pair is scored once"


def test_headings_are_labels_where_enough_reports_have_them(recipes):
    major = pd.Series(["normal", "Lung/hypoinflation; Opacity/lung", "Opacity/base", ""])
    table = recipes.heading_table(major, least=2)
    assert table.to_dict("list") == {"opacity": [0, 1, 1, 0]}
