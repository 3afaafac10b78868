"""Segmentation, of lungs or lesions: U-Nets that learn from annotated images, and their masks of a study's images."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # or TensorFlow describes the processor on each start
