"""The image alone, learned from the labels and from the scores of a teacher, which may read more: distillation.

Hinton et al., Distilling the Knowledge in a Neural Network, 2015, https://arxiv.org/abs/1503.02531; from more inputs to
fewer: Lopez-Paz et al., Unifying distillation and privileged information, ICLR 2016, https://arxiv.org/abs/1511.03643.
"""

import torch
from torch import Tensor

from lungfuse.layers.blocks import Unimodal
from lungfuse.tasks import Task

REQUIRED = ["image"]
ROLES = ["teacher"]
FUSION = ["hidden", "dropout"]
SETTINGS = {
    "temperature": {
        "description": "by which the log odds of teacher and student are divided",
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 3.0,
    },
    "weight": {
        "description": "of the teacher's scores in the loss, the rest is that of the labels",
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.7,
    },
}
SURE = 1e-4  # the least score of a teacher whose logarithm is taken


def build(widths: dict[str, int], outputs: int, temperature: float, weight: float, **fusion: float) -> Unimodal:
    """The network of the architecture `image`: the settings are those of the loss."""
    return Unimodal(widths, outputs, **fusion)


def loss(
    logits: Tensor,
    targets: Tensor,
    task: Task,
    class_weights: Tensor,
    label_smoothing: float,
    part_scores: dict[str, Tensor],
    temperature: float,
    weight: float,
) -> Tensor:
    """weight * temperature^2 * KL(teacher || student), both softened, + (1 - weight) * the loss of the task."""
    teacher = of_classes(part_scores["teacher"], task).clamp(SURE, 1 - SURE).log()
    one_of = task.excludes or task.one_score  # else each label has a logit, and is there or not
    student = task.class_logits(logits) if one_of else torch.stack([torch.zeros_like(logits), logits], dim=-1)
    softened, wanted = ((each / temperature).log_softmax(-1) for each in (student, teacher))
    divergence = (wanted.exp() * (wanted - softened)).sum(-1).mean()
    hard = task.loss(logits, targets, class_weights, label_smoothing)
    return weight * temperature**2 * divergence + (1 - weight) * hard


def of_classes(scores: Tensor, task: Task) -> Tensor:
    """The scores of all classes: (B, class) of classes of which a pair has one, (B, label, 2) of labels."""
    if task.excludes:
        return scores
    both = torch.stack([1 - scores, scores], dim=-1)
    return both[:, 0] if task.one_score else both
