"""The segmenters that cut out the images of new cases."""

import os
import subprocess
import sys
from functools import cache
from multiprocessing import Pipe
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

import lungfuse
from lungfuse.errors import UserError
from lungfuse.settings.segmentation import MaskSettings

PACKAGE_ROOT = Path(lungfuse.__file__).resolve().parents[1]


class SegmenterProcess:
    """The segmenter in a folder. It runs in a process of its own, which ends with this one.

    Its Keras runs on TensorFlow, that of image encoders on PyTorch, and a process has one of both.

    Raises:
        UserError: the folder holds none, or a damaged one.
    """

    def __init__(self, folder: Path):
        self.folder, self.lock = folder, Lock()
        self.connection, other_end = Pipe()
        search = os.pathsep.join(filter(None, [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lungfuse.segment.worker", str(folder), str(other_end.fileno())],
            env=os.environ | {"KERAS_BACKEND": "tensorflow", "PYTHONPATH": search},
            pass_fds=[other_end.fileno()],
            stdin=subprocess.DEVNULL,
        )
        other_end.close()
        self._answer()

    def masks(self, images: np.ndarray, settings: MaskSettings) -> np.ndarray:
        """Masks, bool (image, y, x), of images, uint8 (image, y, x) or with colours at the end.

        Raises:
            UserError: the process has died.
        """
        with self.lock:
            return self._answer(images, settings)

    def _answer(self, *question: Any) -> Any:
        try:
            if question:
                self.connection.send(question)
            answer = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            raise UserError(
                f"{self.folder}: the process of the segmenter was ended, or ran out of memory. Free memory, then run "
                "again."
            ) from error
        if isinstance(answer, Exception):
            raise answer
        return answer


segmenter_in = cache(SegmenterProcess)
