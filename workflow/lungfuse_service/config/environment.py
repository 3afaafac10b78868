"""What the environment says of the service, by variables that begin with LUNGFUSE_SERVICE_."""

import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

PREFIX = "LUNGFUSE_SERVICE_"


def text(name: str, default: str = "") -> str:
    return os.environ.get(PREFIX + name, default)


def number(name: str, default: int) -> int:
    """A whole number that is not negative.

    Raises:
        ImproperlyConfigured: it is something else.
    """
    found = text(name, str(default))
    if not found.isdecimal():
        raise ImproperlyConfigured(f"{PREFIX}{name}: found {found!r}, expected a whole number.")
    return int(found)


def switch(name: str, default: bool) -> bool:
    """yes or no.

    Raises:
        ImproperlyConfigured: it is something else.
    """
    found = text(name, "yes" if default else "no")
    if found not in ("yes", "no"):
        raise ImproperlyConfigured(f"{PREFIX}{name}: found {found!r}, expected yes or no.")
    return found == "yes"


def secret_key(folder: Path) -> str:
    """The key that signs sessions: of the environment, or made once and kept where only its owner reads it."""
    if given := text("SECRET_KEY"):
        return given
    path = folder / "secret_key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    return path.read_text(encoding="utf-8")


def database(folder: Path) -> dict:
    """PostgreSQL by LUNGFUSE_SERVICE_DATABASE=postgresql://user:password@host:port/name, or SQLite in a folder.

    Raises:
        ImproperlyConfigured: the address is of something else.
    """
    address = urlsplit(text("DATABASE"))
    if not address.scheme:
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        options = {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": pragmas}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "service.sqlite3", "OPTIONS": options}
    if address.scheme != "postgresql":
        raise ImproperlyConfigured(f"{PREFIX}DATABASE: found {address.scheme}://, expected postgresql://.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": address.path.removeprefix("/"),
        "USER": unquote(address.username or ""),
        "PASSWORD": unquote(address.password or ""),
        "HOST": address.hostname or "",
        "PORT": address.port or "",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
