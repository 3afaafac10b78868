import numpy as np
import pandas as pd
import pytest
from model_configs import model_config

from lungfuse.analyses.ablations import lost_and_gained
from lungfuse.models.contrasts import contrasts

THREE = {"images": "raw", "text": "findings", "structured": ["age", "sex"]}
ROWS = {
    "early": model_config("early", **THREE),
    "shuffled": model_config("early", **THREE, ablation="shuffled-structured"),
    "dropped": model_config("early", **THREE, ablation="dropped-text"),
    "image": model_config("image", images="raw"),
    "logistic": model_config("logistic", structured=["sex", "age"]),
    "logistic_age": model_config("logistic", structured="age"),
    "late": model_config("late", images="raw", text="findings"),
    "late_shuffled": model_config("joint", images="raw", text="findings", ablation="shuffled-text"),
    "boosting_text": model_config("late", text="findings", structured=["age", "sex"]),
    "other_section": model_config("late", images="raw", text="impression"),
}


@pytest.mark.parametrize("variant", ["mask-only", "segmented:packaged", "background:packaged"])
def test_a_model_that_reads_images_in_part_stands_against_the_one_that_reads_them_whole(variant):
    whole, part = (model_config("linear-probe", images=images) for images in ["raw", variant])
    (contrast,) = contrasts([part, whole])
    assert (contrast.intact, contrast.changed, contrast.change) == (1, [0], variant)


def test_a_row_of_three_inputs_stands_against_each_alone_and_against_all_but_each():
    names = list(ROWS)
    found = {
        (names[each.intact], each.change): [names[n] for n in each.changed] for each in contrasts(list(ROWS.values()))
    }
    of_early = {change: changed for (row, change), changed in found.items() if row == "early"}
    assert of_early == {
        "shuffled-structured": ["shuffled"],
        "dropped-text": ["dropped"],
        "image alone": ["image"],
        "structured alone": ["logistic"],  # the order of columns is no difference, fewer columns are
        "without image": ["boosting_text"],
        "without structured": ["late"],
    }
    assert found["late", "image alone"] == ["image"]
    assert not any(change.startswith("without") for row, change in found if row != "early"), "alone says it"


def test_lost_and_gained_labels_are_shares_of_those_that_a_pair_has(draw):
    task = draw("multilabel").task
    labels = pd.DataFrame([[1, 0, 1], [1, None, 0]], columns=task.columns("label"), dtype="Int64")
    said = [[[1, 0, 0], [0, 0, 0]], [[1, 1, 1], [1, 1, 0]]]  # right: 2 of 3 and 1 of 2, then 2 of 3 and 2 of 2
    rows = [
        labels.join(pd.DataFrame(each, columns=task.columns("prediction"))).assign(group=[0, 1], repeat=0)
        for each in said
    ]
    assert lost_and_gained(task, *rows) == pytest.approx((1 / 3, 1 / 3 + 1 / 2))
    assert np.allclose(lost_and_gained(task, rows[0], rows[0]), 0)
