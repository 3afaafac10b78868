"""How the service stands many users at once: what is lost, how fast its pages are while the worker is busy, and how
many cases it predicts a second beside `predict`.

python benchmarks/service.py results/demo/models/early_all xray.png

Twenty users send ten cases each, at once, to a service of its own on SQLite. Another user looks at pages all the while.
Cases ask for no explanation, and nothing is outlined, as `predict` does neither.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from served import Served, serving  # noqa: E402

USERS, CASES = 20, 10
PASSWORD = "a quiet place 7"
TEXT = "The lungs are hyperexpanded. No pleural effusion."
PAGES = ["/", "/verdicts", "/account/log-in"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder of a trained model")
    parser.add_argument("image", type=Path)
    arguments = parser.parse_args()
    model, image = arguments.model.resolve(), arguments.image.resolve()
    project = model.parents[3]
    quotas = {"MOST_WAITING": "1000", "MOST_A_DAY": "10000", "REGIONS": "no"}
    with tempfile.TemporaryDirectory() as folder, serving(project, Path(folder) / "service", **quotas) as served:
        found = load(served, f"{model.parents[1].name}/{model.name}", image.read_bytes())
    found["predict, cases a second"] = batch_rate(model, image)
    found["load average"] = os.getloadavg()[0]
    print(json.dumps(found, indent=2))


def load(served: Served, model: str, image: bytes) -> dict:
    """Send all cases at once, and see what becomes of each."""
    tokens = [served.sign_up(f"user{number}", PASSWORD) for number in range(USERS)]
    warm = ask(served, tokens[0], model, image)
    wait(served, tokens[0], [warm])
    accepted: dict[str, list[str]] = {token: [] for token in tokens}
    stop, seconds = threading.Event(), []
    reader = threading.Thread(target=read_pages, args=(served, stop, seconds))
    reader.start()
    started = time.perf_counter()

    def send(token: str) -> None:
        for _ in range(CASES):
            accepted[token].append(ask(served, token, model, image))

    senders = [threading.Thread(target=send, args=(token,)) for token in tokens]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    states: Counter[str] = Counter()
    for token, identifiers in accepted.items():
        states += wait(served, token, identifiers)
    took = time.perf_counter() - started
    stop.set()
    reader.join()
    answers = [listed(served, token) for token in tokens]
    return {
        "sent": USERS * CASES,
        "states": dict(states),
        "predictions of the users": sum(map(len, answers)) - 1,
        "service, cases a second": round(USERS * CASES / took, 2),
        "pages": len(seconds),
        "p95 of a page, ms": round(1000 * float(np.quantile(seconds, 0.95))),
    }


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


def batch_rate(model: Path, image: Path) -> float:
    """Cases a second of `predict` on a table of as many."""
    sys.path.insert(0, str(ROOT / "workflow"))
    from lungfuse.predict.predictor import Predictor

    predictor = Predictor(model)
    case = {"image": str(image), "text": TEXT, "age": "71"}
    cases = pd.DataFrame([case | {"id": str(number)} for number in range(USERS * CASES)])
    list(predictor.predict(cases[:1]))
    started = time.perf_counter()
    list(predictor.predict(cases))
    return round(len(cases) / (time.perf_counter() - started), 2)


if __name__ == "__main__":
    main()
