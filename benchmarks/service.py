"""How the service stands many users at once: what is lost, how fast its pages are while the worker is busy, and how
many cases it predicts a second beside `predict`.

python benchmarks/service.py results/demo/models/early_all xray.png --csv docs/results/benchmarks/service.csv

Twenty users send ten cases each, at once, to a service of its own on SQLite. Another user looks at pages all the while.
Then they send as many while the worker is stopped: its rate is that at which it does what waits, from when it begins
the first to when it has ended the last. Cases ask for no explanation, and nothing is outlined, as `predict` does
neither. `predict` reads a table of as many, before and after; the model is loaded by then in both.
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

import numpy as np
import pandas as pd
import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from served import Served, serving  # noqa: E402

USERS = 20
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
    rates = [batch_rate(model, image, USERS * arguments.cases)]
    with tempfile.TemporaryDirectory() as folder, serving(project, Path(folder) / "service", **quotas) as served:
        found = load(served, f"{model.parents[1].name}/{model.name}", image.read_bytes(), arguments.cases)
    rates.append(batch_rate(model, image, USERS * arguments.cases))
    found["predict, cases a second, before"], found["predict, cases a second, after"] = rates
    found["share of predict, %"] = 100 * found["worker, cases a second"] / (sum(rates) / len(rates))
    found["load average"] = os.getloadavg()[0]
    table = pd.DataFrame(found.items(), columns=["what", "value"]).round(2)
    print(table.to_string(index=False))
    if arguments.csv:
        table.to_csv(arguments.csv, index=False, lineterminator="\n")


def load(served: Served, model: str, image: bytes, cases: int) -> dict[str, float]:
    """Send all cases at once, and see what becomes of each; then once more, to a worker that begins when all wait."""
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
    with worker_stopped(served):
        accepted = send(served, tokens, model, image, cases)
    while waiting(served):
        time.sleep(0.5)
    states += ended(served, accepted)
    return {
        "sent": 2 * USERS * cases,
        "done": states["done"],
        "failed": states["failed"],
        "predictions of the first half": sum(map(len, answers)) - 1,
        "pages": len(seconds),
        "p95 of a page, ms": round(1000 * float(np.quantile(seconds, 0.95))),
        "sent and predicted, cases a second": USERS * cases / took,
        "worker, cases a second": worker_rate(served, USERS * cases),
    }


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


def worker_rate(served: Served, count: int) -> float:
    """Cases a second of the latest jobs, by the times that their table has."""
    with closing(sqlite3.connect(served.folder / "service.sqlite3")) as connection:
        query = f"SELECT started, finished FROM jobs_job ORDER BY created DESC LIMIT {count}"
        times = pd.read_sql(query, connection, parse_dates=["started", "finished"])
    return count / (times["finished"].max() - times["started"].min()).total_seconds()


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


def batch_rate(model: Path, image: Path, count: int) -> float:
    """Cases a second of `predict` on a table of as many."""
    sys.path.insert(0, str(ROOT / "workflow"))
    from lungfuse.predict.predictor import Predictor

    predictor = Predictor(model)
    case = {"image": str(image), "text": TEXT, "age": "71"}
    cases = pd.DataFrame([case | {"id": str(number)} for number in range(count)])
    list(predictor.predict(cases[:1]))
    started = time.perf_counter()
    list(predictor.predict(cases))
    return len(cases) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
