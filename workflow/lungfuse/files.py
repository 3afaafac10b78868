"""Files that appear whole or not at all, and what they hold."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

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


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
