"""How well boxes find annotated ones: average precision as COCO defines it.

Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014, https://arxiv.org/abs/1405.0312.
"""

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

ANY_SIZE = [0, 1e10]  # px of area
REGION = 1  # the one category


class BoxScores:
    """Boxes found in images against the true ones of the same images.

    `true` and `found` have a (box, 4) for each image, of left, top, width, height; `confidences` has a (box,) for each
    image, of what was found.
    """

    def __init__(self, true: list[np.ndarray], found: list[np.ndarray], confidences: list[np.ndarray]):
        annotated = COCO(
            {
                "images": [{"id": image} for image in range(len(true))],
                "categories": [{"id": REGION, "name": "region"}],
                "annotations": [each | {"id": number} for number, each in enumerate(_entries(true), 1)],
            }
        )
        scores = np.concatenate(confidences).tolist()
        detected = [each | {"score": score} for each, score in zip(_entries(found), scores, strict=True)]
        self.evaluation = COCOeval_faster(
            annotated, annotated.loadRes(detected) if detected else COCO(), "bbox", separate_eval=True
        )
        self.evaluation.params.areaRng, self.evaluation.params.areaRngLbl = [ANY_SIZE], ["all"]
        self.evaluation.evaluate()
        self.by_image = self.evaluation._evalImgs_cpp
        self.overlaps = [self._overlaps(image, len(each)) for image, each in enumerate(true)]

    def average_precision(self, images: np.ndarray) -> tuple[float, float]:
        """At an intersection over union of .5, and the mean over .5, .55 to .95, of images, (image,), which may repeat.

        NaN where none of them has a true box.
        """
        self.evaluation._evalImgs_cpp = [self.by_image[image] for image in images]
        self.evaluation._paramsEval.imgIds = list(range(len(images)))  # of which their number counts
        self.evaluation.accumulate()
        precision = self.evaluation.eval["precision"][..., 0, 0, -1]  # (overlap, recall)
        return tuple(np.where(precision < 0, np.nan, precision)[rows].mean() for rows in [0, slice(None)])

    def _overlaps(self, image: int, count: int) -> np.ndarray:
        """The intersection over union of each of the `count` true boxes of an image with the found one that overlaps it
        most, (box,)."""
        found = np.asarray(self.evaluation.ious[image, REGION])  # (found, true), or empty
        return found.max(axis=0) if found.size else np.zeros(count)


def _entries(boxes: list[np.ndarray]) -> list[dict]:
    return [
        {"image_id": image, "category_id": REGION, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for image, each in enumerate(boxes)
        for box in each.tolist()
    ]
