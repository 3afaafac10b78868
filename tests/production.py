"""nginx with the committed configuration, in front of a service of the tests."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from databases import Database
from served import Served, free_port, serving


def find(name: str) -> str:
    """A program of this machine; the test is skipped with the reason where there is none."""
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    return found or pytest.skip(f"{name} is not installed")


@contextmanager
def behind_nginx(project: Path, folder: Path, database: Database) -> Iterator[Served]:
    """The service of a project on a database, by the address of nginx; its files go below `folder`."""
    find("nginx")
    variables = {"DATABASE": database.address, "MEDIA_ACCEL": "/protected/", "PROXY": "yes", "REGIONS": "no"}
    with serving(project, folder / "service", **variables) as served:
        served.manage("collectstatic", "--noinput")
        with nginx(served, folder) as address:
            yield replace(served, address=address)


@contextmanager
def nginx(served: Served, folder: Path) -> Iterator[str]:
    """nginx with the configuration of deploy/, whose paths are those of the test; its address."""
    port, program = free_port(), find("nginx")
    text = (ROOT / "deploy/nginx.conf").read_text()
    for written, here in {
        "listen 8080": f"listen 127.0.0.1:{port}",
        "http://web:8000": served.address,
        "/srv/": f"{served.folder}/",
        "/tmp/nginx.pid": f"{folder}/nginx.pid",
        "/dev/stdout": f"{folder}/access.log",
    }.items():
        assert written in text
        text = text.replace(written, here)
    text = "daemon off;\nuser root;\n" + text if os.geteuid() == 0 else "daemon off;\n" + text
    (folder / "nginx.conf").write_text(text)
    process = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
