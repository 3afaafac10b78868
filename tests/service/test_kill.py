"""Kill -9 of the web process and of the worker, in turn, while cases are sent: each ends with exactly one result.

LUNGFUSE_KILL_ROUNDS=50 makes it long.
"""

import os
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

import requests
from service_cases import PASSWORD, image_file

ROUNDS = int(os.environ.get("LUNGFUSE_KILL_ROUNDS", "4"))
PAUSE = 2.0  # seconds between two kills, in which some cases are sent and some are done
PATIENCE = 300  # seconds after the last kill
IMAGE = image_file(96, 96).read()


@dataclass
class Sender:
    """A program that sends cases one after the other, each again until the service has said that it accepts it."""

    address: str
    token: str
    stop: threading.Event
    accepted: dict[str, str] = field(default_factory=dict)
    repeated: int = 0

    def run(self) -> None:
        while not self.stop.is_set():
            self.send(str(uuid.uuid4()))

    def send(self, key: str) -> None:
        case = {"model": "small/tfidf", "text": f"study lungs low {key}", "key": key}
        case |= {} if len(self.accepted) % 3 else {"model": "small/late-of-networks"}
        files = {"image": ("x.png", IMAGE)} if case["model"].endswith("networks") else {"none": ("", b"")}
        files = {name: each for name, each in files.items() if each[0]} or None
        while key not in self.accepted:
            try:
                answer = requests.post(
                    f"{self.address}/api/predictions", case, files=files, headers=self.bearer, timeout=30
                )
                assert answer.status_code == 202, answer.text
                self.accepted[key] = answer.json()["id"]
            except requests.RequestException:
                self.repeated += 1
                time.sleep(0.1)

    @property
    def bearer(self) -> dict:
        return {"Authorization": f"Bearer {self.token}"}


def test_nothing_is_lost_and_nothing_is_doubled(served):
    stop = threading.Event()
    senders = [Sender(served.address, served.sign_up(f"kill{n}", PASSWORD), stop) for n in range(2)]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    killed = []
    for number in range(ROUNDS):
        time.sleep(PAUSE)
        name = ["web", "worker"][number % 2]
        before = served.children()
        served.kill(name)
        killed.append(before.get(name))
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert all(killed), "each time there was one to kill"
    for sender in senders:
        check(sender)


def check(sender: Sender) -> None:
    """Each case that was accepted has one prediction, with one result."""
    assert len(sender.accepted) > ROUNDS
    end, left = time.monotonic() + PATIENCE, dict(sender.accepted)
    states: Counter[str] = Counter()
    while left and time.monotonic() < end:
        for key, identifier in list(left.items()):
            found = _get(sender, identifier)
            if found and found["state"] in ("done", "failed"):
                states[found["state"]] += 1
                assert found["given"]["text"].endswith(key) and ("result" in found) == (found["state"] == "done")
                del left[key]
        time.sleep(0.2)
    assert left == {} and states["failed"] == 0, states
    listed = _get(sender, "")["predictions"]
    ids = [each["id"] for each in listed]
    assert len(ids) == len(set(ids)) == min(100, len(sender.accepted))
    assert set(ids) <= set(sender.accepted.values()), "nothing that was not accepted"


def _get(sender: Sender, identifier: str) -> dict | None:
    place = f"{sender.address}/api/predictions" + (f"/{identifier}" if identifier else "")
    try:
        return requests.get(place, headers=sender.bearer, timeout=30).json()
    except requests.RequestException:
        return None
