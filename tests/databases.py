"""A PostgreSQL server of the tests' own."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from served import children_of, free_port


@dataclass
class Database:
    """A PostgreSQL server with its data in a folder. Root may not run it, so `postgres` does."""

    folder: Path
    programs: Path
    port: int
    name: str = "postgres"

    @property
    def address(self) -> str:
        return f"postgresql://lungfuse@127.0.0.1:{self.port}/{self.name}"

    def another(self, name: str) -> "Database":
        """A new database of the same server."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return replace(self, name=name)

    def run(self, *command: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_user, str(self.programs / command[0]), *command[1:]], check=True, cwd="/", timeout=120,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-w", "-o", options, "start")

    def kill(self) -> bool:
        """Kill -9 of all its processes, as when a machine loses its power; whether there was one."""
        lock = self.folder / "data/postmaster.pid"
        server = int(lock.read_text().split()[0])
        processes = [server, *children_of(server)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        lock.unlink()  # until the dead server is reaped it would seem to be alive
        return len(processes) > 1

    def stop(self) -> None:
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")


def initdb() -> str | None:
    """The program that makes a database, where it is installed."""
    newest = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    return shutil.which("initdb", path=os.pathsep.join([os.environ["PATH"], str(newest)]))


@contextmanager
def temporary_database(program: str) -> Iterator[Database]:
    """A running server, made by `initdb`, with nothing in it."""
    with tempfile.TemporaryDirectory(prefix="lungfuse-postgres-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        database = Database(Path(folder), Path(program).parent, free_port())
        database.run("initdb", "-D", f"{folder}/data", "-U", "lungfuse", "--auth=trust", "--no-sync")
        database.start()
        try:
            yield database
        finally:
            database.stop()
