"""Files that appear whole or not at all, and what they hold."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np

from lungfuse.errors import UserError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


@contextmanager
def whole_file(path: Path, mode: str = "w") -> Iterator[IO]:
    """Open a temporary neighbour of `path` that takes its place once the block has ended well.

    Raises:
        UserError: the file cannot be written (full disk, no permission); nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open(mode, **text) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        if error.errno not in FULL | FORBIDDEN:
            raise
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); expected room and write permission "
            f"in {path.parent}. Free some space or mend the permissions, then run again."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """The path of a temporary neighbour of `path` for a library that opens files itself; it takes the place of `path`
    once the block has ended well. It ends like `path`."""
    partial = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def whole_array(path: Path, dtype: type, shape: tuple[int, ...]) -> Iterator[Callable[[np.ndarray], None]]:
    """Write a .npy file of shape (count, *shape) part by part: the block is given a function that appends to axis 0.

    The file appears when the block has ended well, see `whole_file`. Memory use does not grow with it.
    """
    count = 0
    with whole_file(path, "wb") as stream:

        def write_header() -> None:
            # NumPy pads the header, so that the length of axis 0 can be written again in place.
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
            np.lib.format.write_array_header_1_0(stream, header | {"shape": (count, *shape)})

        def append(part: np.ndarray) -> None:
            nonlocal count
            part = np.ascontiguousarray(part, dtype).reshape(-1, *shape)
            stream.write(part.data)
            count += len(part)

        write_header()
        yield append
        stream.seek(0)
        write_header()


def check_writable(path: Path) -> None:
    """See that a file can be written at `path`, before the work whose outcome it is to hold.

    Raises:
        UserError: it cannot.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with TemporaryFile(dir=next(folder for folder in path.absolute().parents if folder.exists())):
            pass
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}). Name a file in a folder that can be written."
        ) from error


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
