"""Files that appear whole or not at all, and what they hold."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from lungfuse.errors import UserError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


@contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO]:
    """Open a temporary neighbour of `path` that takes its place once the block has ended well.

    Raises:
        UserError: the file cannot be written (full disk, no permission); nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with _naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = partial.open(mode, **text)
        with _naming(path, inputs=True), stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        with _naming(path):
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def _naming(path: Path, inputs: bool = False) -> Iterator[None]:
    """Report that `path` cannot be written; an error that names a file may be of another where `inputs` are read."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL | FORBIDDEN or (inputs and error.filename):
            raise
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); expected room and write permission "
            f"in {path.parent}. Free some space or fix the permissions, then run again."
        ) from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """The path of a temporary neighbour of `path` for a library that opens files itself; it takes the place of `path`
    once the block has ended well. It ends like `path`."""
    partial = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        with _naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with _naming(path):
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def atomic_array(path: Path, dtype: type, shape: tuple[int, ...]) -> Iterator[Callable[[np.ndarray], None]]:
    """Write a .npy file of shape (count, *shape) part by part: the block is given a function that appends to axis 0.

    The file appears when the block has ended well, see `atomic_write`. Memory use does not grow with it.
    """
    count = 0
    with atomic_write(path, "wb") as stream:

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


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Let temporary files of the block lie in a folder: where they usually are may be in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def check_writable(path: Path) -> None:
    """See that a file can be written at `path`, before the work whose outcome it is to hold.

    Raises:
        UserError: it cannot.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.TemporaryFile(dir=next(folder for folder in path.absolute().parents if folder.exists())):
            pass
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}). Name a file in a folder that can be written."
        ) from error


@contextmanager
def unchanged(paths: Callable[[], list[Path]]) -> Iterator[None]:
    """Refuse what the block has made when one of its input files, given by a function, was replaced meanwhile.

    A file that is renamed to the place of another keeps its own date, so that a later look at the dates sees nothing.

    Raises:
        UserError: a file is new, gone or another one than at the start of the block.
    """
    before = _signatures(paths())
    yield
    after = _signatures(paths())
    changed = [path for path in before | after if before.get(path) != after.get(path)]
    if changed:
        raise UserError(
            f"{', '.join(map(str, changed[:5]))}: changed while it was read, so what was made of it may be of either "
            "content. Run again when nothing writes to it."
        )


def _signatures(paths: list[Path]) -> dict[Path, tuple[int, ...] | None]:
    """What changes with a file's content: its number, size and dates; None where there is no file."""
    found = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            found[path] = None
        else:
            found[path] = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def read_array(path: Path, rows: int) -> np.ndarray:
    """An array of a .npy file, mapped from disk.

    Raises:
        UserError: the file is missing, is no whole .npy file, or has fewer than `rows` rows on axis 0.
    """
    try:
        array = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Run the stage that writes it.") from None
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path}: is no whole .npy file ({error}). Delete it and run again.") from error
    if len(array) < rows:
        raise UserError(
            f"{path}: has {len(array):,} rows, fewer than the {rows:,} of its index. One of them is of another run: "
            "delete both and run again."
        )
    return array


def where_not_utf8(path: Path) -> str:
    """The first line of a file that is not UTF-8 text, in words; empty where all of it is."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            return f"line {number}: byte 0x{line[error.start]:02x} is not UTF-8. Save the file as UTF-8."
    return ""


def files_below(folder: Path) -> list[Path]:
    """The files in a folder and in those in it, by their paths; links are followed, but for those that lead back."""
    found, above = [], {folder: (folder.resolve(),)}
    for place, folders, names in os.walk(folder, followlinks=True):
        found += [Path(place) / name for name in names]
        chain = above.pop(Path(place))
        for name in [*folders]:
            path = Path(place) / name
            real = path.resolve() if path.is_symlink() else chain[-1] / name
            if any(each.is_relative_to(real) for each in chain):
                folders.remove(name)
            else:
                above[path] = (*chain, real)
    return sorted(found)


def raw_files(raw: Path, names: list[str]) -> list[Path]:
    """Files of a raw folder; a folder is given by the files in it, so that a change of any of them is seen.

    Raises:
        UserError: the path of one has braces.
    """
    paths = [raw / name for name in names]
    found = [file for path in paths for file in (files_below(path) if path.is_dir() else [path])]
    refuse_braces(found)
    return found


def refuse_braces(paths: list[Path]) -> None:
    """Raises UserError where paths have braces, which Snakemake takes for wildcards."""
    if named := [path for path in paths if {*"{}"} & {*str(path)}]:
        raise UserError(
            f"{named[0]}: is one of {len(named):,} files with braces in their paths, which Snakemake takes for "
            "wildcards. Rename them, and what names them."
        )


def slug(name: str) -> str:
    """A name as part of a path, and of a stage of DVC."""
    return name.translate(str.maketrans(":/@.", "____"))


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
