"""Which pairs are of which class."""

import numpy as np
import pandas as pd

from lungfuse.tasks import Task


def of_classes(task: Task, pairs: pd.DataFrame) -> np.ndarray:
    """Which pairs are of each class, or have each label, bool of (pair, class or label)."""
    targets = task.targets(pairs)
    return targets == 1 if targets.shape[1] > 1 else targets == np.arange(len(task.labels))
