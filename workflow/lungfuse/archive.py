"""Reading the files of a gzipped tar, as a stream and nothing unpacked to disk, or of a folder."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lungfuse.errors import UserError


@dataclass(frozen=True)
class Member:
    """A file of an archive: its `data`, or the `problem` that kept it from being read."""

    name: str
    data: bytes
    problem: str = ""

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem


def read_members(archive: Path, suffix: str, max_bytes: int) -> Iterator[Member]:
    """Yield the files of `archive` that end in `suffix`, in archive order, one in memory at a time.

    A member with an unsafe path, that is a link or device, or is larger than `max_bytes` comes without data.

    Raises:
        UserError: the archive is missing, truncated or corrupt; known only once its end has been read.
    """
    count = 0
    try:
        with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for info in tar:
                tar.members.clear()  # where the library would keep every member it has seen
                if info.isdir() or not info.name.endswith(suffix):
                    continue
                count += 1
                problem = _problem(info, max_bytes)
                yield Member(info.name, b"" if problem else tar.extractfile(info).read(), problem)
            while stream.read(1 << 20):  # the checksum is at the very end
                pass
    except FileNotFoundError:
        raise UserError(f"{archive}: not found. Put the archive there, or let the workflow download it.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError) as error:
        raise UserError(
            f"{archive}: truncated or corrupt after {count} {suffix} files ({error}); expected a complete "
            f"gzipped tar. It has {archive.stat().st_size:,} bytes. Delete it and download it again."
        ) from error


def read_folder(folder: Path, suffix: str, max_bytes: int) -> Iterator[Member]:
    """Yield the files of `folder` that end in `suffix`, in the order of their names, one in memory at a time.

    A file that is larger than `max_bytes` comes without data.
    """
    for path in sorted(folder.glob(f"*{suffix}")):
        yield read_file(path, max_bytes)


def read_file(path: Path, max_bytes: int) -> Member:
    """A file; one that is larger than `max_bytes` comes without data."""
    problem = _too_large(path.stat().st_size, max_bytes)
    return Member(path.name, b"" if problem else path.read_bytes(), problem)


def _problem(info: tarfile.TarInfo, max_bytes: int) -> str:
    path = PurePosixPath(info.name)
    if path.is_absolute() or ".." in path.parts:
        return "its path leads out of the archive"
    if not info.isreg():
        return "is a link or device, not a file"
    return _too_large(info.size, max_bytes)


def _too_large(found: int, allowed: int) -> str:
    return f"has {found:,} bytes, more than the {allowed:,} allowed" if found > allowed else ""
