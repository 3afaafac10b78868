"""A segmenter in a process of its own: python -m lungfuse.segment.worker <folder> <descriptor of a socket>.

It answers images and settings with masks until the other end is closed.
"""

import sys
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from lungfuse.errors import UserError
from lungfuse.segment.segmenter import load_segmenter


def serve(folder: Path, client: Connection) -> None:
    """Say that the segmenter is loaded, or why not; then segment what is asked for."""
    try:
        segmenter = load_segmenter(folder)
    except UserError as error:
        client.send(error)
        return
    client.send(None)
    while True:
        try:
            images, settings = client.recv()
        except EOFError:
            return
        client.send(np.stack([mask for _, mask in segmenter.masks(images, settings)]))


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Connection(int(sys.argv[2])))
