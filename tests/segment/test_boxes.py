"""Boxes of masks, and average precision as COCO defines it."""

import numpy as np
import pytest

from lungfuse.segment.box_scores import BoxScores
from lungfuse.segment.boxes import boxes_of, confidences_of

NONE = np.zeros((0, 4))
TRUE = np.array([[10, 10, 20, 20]])


def shifted(x: float) -> np.ndarray:
    """A box that overlaps `TRUE` by (20 - x) / (20 + x)."""
    return TRUE + np.array([x, 0, 0, 0])


def scores(true: list[np.ndarray], found: list[np.ndarray], *confidences: float) -> BoxScores:
    return BoxScores(true, found, [np.full(len(boxes), each) for boxes, each in zip(found, confidences, strict=True)])


def test_each_component_of_a_mask_has_a_box_and_a_confidence():
    mask = np.zeros((8, 10), bool)
    mask[1:3, 2:6] = mask[5:8, 9] = True
    assert boxes_of(mask).tolist() == [[2, 1, 4, 2], [9, 5, 1, 3]]
    assert confidences_of(mask, np.where(mask, 0.9, 0.2)).tolist() == pytest.approx([0.9, 0.9])
    assert boxes_of(~mask & mask).shape == (0, 4) and confidences_of(~mask & mask, np.ones((8, 10))).shape == (0,)


@pytest.mark.parametrize(
    ("found", "map50", "map50_95"),
    [
        ([TRUE, TRUE], 1, 1),
        ([shifted(4.9), shifted(4.9)], 1, 3 / 10),  # overlaps of .606 count up to .6
        ([TRUE, NONE], 51 / 101, 51 / 101),  # no precision at recalls above one half
        ([TRUE, shifted(15)], 51 / 101, 51 / 101),
        ([NONE, NONE], 0, 0),
    ],
)
def test_average_precision_is_that_of_coco(found, map50, map50_95):
    of = scores([TRUE, TRUE], found, 0.9, 0.8)
    assert of.average_precision(np.arange(2)) == pytest.approx((map50, map50_95))


def test_a_wrong_box_costs_more_where_it_is_more_confident():
    found = [np.concatenate([TRUE, shifted(30)])]
    unsure, sure = (BoxScores([TRUE], found, [np.array(each)]) for each in [[0.9, 0.5], [0.5, 0.9]])
    assert unsure.average_precision(np.zeros(1, int))[0] == pytest.approx(1)
    assert sure.average_precision(np.zeros(1, int))[0] == pytest.approx(0.5)


def test_images_can_be_drawn_again():
    of = scores([TRUE, TRUE], [TRUE, NONE], 0.9, 0.8)
    assert of.average_precision(np.array([0, 0, 0, 1]))[0] == pytest.approx(76 / 101)
    assert of.average_precision(np.array([1, 1]))[0] == 0
    assert of.average_precision(np.array([0, 1]))[0] == pytest.approx(51 / 101), "as before"


def test_overlaps_are_those_of_the_best_box_and_images_without_true_boxes_have_none():
    of = scores([TRUE, TRUE, NONE], [np.concatenate([shifted(5), TRUE]), NONE, TRUE], 0.9, 0.8, 0.7)
    assert [each.tolist() for each in of.overlaps] == [[1], [0], []]
    assert np.isnan(of.average_precision(np.array([2]))).all()
