"""How the service stands many users at once: what is lost, how fast its pages are while the worker is busy, and how
many cases it predicts a second beside `predict`.

python benchmarks/service.py results/demo/models/early_all xray.png --csv docs/results/benchmarks/service.csv

Twenty users send ten cases each, at once, to a service of its own on SQLite. Another user looks at pages all the while.
Then, five times, they send as many while the worker is stopped: its rate is that at which it does what waits, from when
it begins the first to when it has ended the last. In between `predict` reads a table of as many, with its model loaded.
Cases ask for no explanation, and nothing is outlined, as `predict` does neither. Where the machine is shared, the share
by processor time is the one that can be believed.
"""

import argparse
import os
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from served import Served, serving  # noqa: E402

USERS, ROUNDS = 20, 5
PASSWORD = "a quiet place 7"
TEXT = "The lungs are hyperexpanded. No pleural effusion."
PAGES = ["/", "/verdicts", "/account/log-in"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder of a trained model")
    parser.add_argument("image", type=Path)
    parser.add_argument("--cases", type=int, default=10, help="of each user")
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    model, image = arguments.model.resolve(), arguments.image.resolve()
    project = model.parents[3]
    quotas = {"MOST_WAITING": "1000", "MOST_A_DAY": "10000", "REGIONS": "no"}
    predict = Predict(model, image, USERS * arguments.cases)
    with tempfile.TemporaryDirectory() as folder, serving(project, Path(folder) / "service", **quotas) as served:
        found = load(served, f"{model.parents[1].name}/{model.name}", image.read_bytes(), arguments.cases, predict)
    found["load average"] = os.getloadavg()[0]
    table = pd.DataFrame(found.items(), columns=["what", "value"]).round(2)
    print(table.to_string(index=False))
    if arguments.csv:
        table.to_csv(arguments.csv, index=False, lineterminator="\n")


def load(served: Served, model: str, image: bytes, cases: int, predict: "Predict") -> dict[str, float]:
    """Send all cases at once, and see what becomes of each; then again, to a worker that begins when all wait."""
    tokens = [served.sign_up(f"user{number}", PASSWORD) for number in range(USERS)]
    warm = ask(served, tokens[0], model, image)
    wait(served, tokens[0], [warm])
    stop, seconds = threading.Event(), []
    reader = threading.Thread(target=read_pages, args=(served, stop, seconds))
    reader.start()
    started = time.perf_counter()
    states = ended(served, send(served, tokens, model, image, cases))
    took = time.perf_counter() - started
    stop.set()
    reader.join()
    answers = [listed(served, token) for token in tokens]
    seconds_of: dict[str, list[Seconds]] = {"worker": [], "predict": []}
    for _ in range(ROUNDS):
        before = processor_time(served)
        with worker_stopped(served):
            accepted = send(served, tokens, model, image, cases)
        while waiting(served):
            time.sleep(0.5)
        seconds_of["worker"].append(Seconds(wall_time(served, USERS * cases), processor_time(served) - before))
        seconds_of["predict"].append(predict.run())
        states += ended(served, accepted)
    found = {
        "sent": (1 + ROUNDS) * USERS * cases,
        "done": states["done"],
        "failed": states["failed"],
        "predictions of the first round": sum(map(len, answers)) - 1,
        "pages": len(seconds),
        "p95 of a page, ms": 1000 * float(np.quantile(seconds, 0.95)),
        "sent and predicted, cases a second": USERS * cases / took,
    }
    medians = {name: Seconds(*np.median(each, axis=0)) for name, each in seconds_of.items()}
    for name, each in medians.items():
        found[f"{name}, cases a second"] = USERS * cases / each.wall
        found[f"{name}, ms of processor time a case"] = 1000 * each.processor / (USERS * cases)
    for number, name in enumerate(["by wall time", "by processor time"]):
        found[f"rate of the worker {name}, % of predict"] = 100 * medians["predict"][number] / medians["worker"][number]
    return found


class Seconds(NamedTuple):
    """What some cases took."""

    wall: float
    processor: float


@contextmanager
def worker_stopped(served: Served) -> Iterator[None]:
    """Stop the worker for a while, at a moment at which it has locked neither the queue nor the tables."""
    worker = served.children()["worker"]
    os.kill(worker, signal.SIGSTOP)
    while locked(served.folder / "queue.sqlite3") or locked(served.folder / "service.sqlite3"):
        os.kill(worker, signal.SIGCONT)
        time.sleep(0.1)
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def locked(database: Path) -> bool:
    """Whether nobody else can write to an SQLite file for a second."""
    with closing(sqlite3.connect(database, timeout=1)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


def send(served: Served, tokens: list[str], model: str, image: bytes, cases: int) -> dict[str, list[str]]:
    """Send cases of all users at once; those that were accepted, by the token of their user."""
    accepted: dict[str, list[str]] = {token: [] for token in tokens}

    def send_all(token: str) -> None:
        for _ in range(cases):
            accepted[token].append(ask(served, token, model, image))

    senders = [threading.Thread(target=send_all, args=(token,)) for token in tokens]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return accepted


def ended(served: Served, accepted: dict[str, list[str]]) -> Counter[str]:
    """The states in which cases end."""
    return sum((wait(served, token, identifiers) for token, identifiers in accepted.items()), Counter())


def waiting(served: Served) -> int:
    """How many jobs have not ended, by their table: asking the web process would take time from the worker."""
    with closing(sqlite3.connect(served.folder / "service.sqlite3")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM jobs_job WHERE finished IS NULL").fetchone()
    return count


def wall_time(served: Served, count: int) -> float:
    """Seconds from the begin of the first to the end of the last of the latest jobs, by their table."""
    with closing(sqlite3.connect(served.folder / "service.sqlite3")) as connection:
        query = f"SELECT started, finished FROM jobs_job ORDER BY created DESC LIMIT {count}"
        times = pd.read_sql(query, connection, parse_dates=["started", "finished"])
    return (times["finished"].max() - times["started"].min()).total_seconds()


def processor_time(served: Served) -> float:
    """Seconds of the worker so far."""
    fields = Path(f"/proc/{served.children()['worker']}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")  # user and system


def bearer(token: str) -> dict:
    return {"Authorization": f"Bearer {token}"}


def ask(served: Served, token: str, model: str, image: bytes) -> str:
    case = {"model": model, "text": TEXT, "values.age": "71"}
    files = {"image": ("x.png", image)}
    answer = requests.post(f"{served.address}/api/predictions", case, files=files, headers=bearer(token), timeout=120)
    answer.raise_for_status()
    return answer.json()["id"]


def wait(served: Served, token: str, identifiers: list[str]) -> Counter[str]:
    """The states in which predictions of a user end."""
    while True:
        states = {each["id"]: each["state"] for each in listed(served, token)}
        if all(states[identifier] in ("done", "failed") for identifier in identifiers):
            return Counter(states[identifier] for identifier in identifiers)
        time.sleep(0.5)


def listed(served: Served, token: str) -> list[dict]:
    answer = requests.get(f"{served.address}/api/predictions", headers=bearer(token), timeout=120)
    return answer.json()["predictions"]


def read_pages(served: Served, stop: threading.Event, seconds: list[float]) -> None:
    session = requests.Session()
    while not stop.wait(0.1):
        for page in PAGES:
            started = time.perf_counter()
            session.get(served.address + page, timeout=120).raise_for_status()
            seconds.append(time.perf_counter() - started)


class Predict:
    """`predict` with a loaded model and a table of cases."""

    def __init__(self, model: Path, image: Path, count: int):
        sys.path.insert(0, str(ROOT / "workflow"))
        from lungfuse.predict.predictor import Predictor

        self.predictor, case = Predictor(model), {"image": str(image), "text": TEXT, "age": "71"}
        self.cases = pd.DataFrame([case | {"id": str(number)} for number in range(count)])
        list(self.predictor.predict(self.cases[:1]))

    def run(self) -> Seconds:
        wall, processor = time.perf_counter(), time.process_time()
        list(self.predictor.predict(self.cases))
        return Seconds(time.perf_counter() - wall, time.process_time() - processor)


if __name__ == "__main__":
    main()
