"""Kill -9 of the processes of a service in turn, while programs send cases; what became of each case."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import requests

PAUSE = 2.0  # seconds at most between the first case that is accepted after a kill and the next kill
PATIENCE = 300  # seconds in which all is well again


@dataclass
class Sender:
    """A program that sends cases one after the other, each again until the service has said that it accepts it.

    `models` are asked in turn, each with an image or without (None).
    """

    address: str
    token: str
    models: list[tuple[str, bytes | None]]
    stop: threading.Event = field(default_factory=threading.Event)
    accepted: dict[str, str] = field(default_factory=dict)
    repeated: int = 0

    def run(self) -> None:
        while not self.stop.is_set():
            self.send(str(uuid.uuid4()))

    def send(self, key: str) -> None:
        model, image = self.models[len(self.accepted) % len(self.models)]
        case = {"model": model, "text": f"study lungs low {key}", "key": key}
        files = {"image": ("x.png", image)} if image else None
        while key not in self.accepted:
            try:
                answer = requests.post(
                    f"{self.address}/api/predictions", case, files=files, headers=self.bearer, timeout=30
                )
            except requests.RequestException:
                answer = None
            if answer is not None and answer.status_code == 202:
                self.accepted[key] = answer.json()["id"]
            else:
                assert answer is None or answer.status_code >= 500, answer.text
                self.repeated += 1
                time.sleep(0.1)

    @property
    def bearer(self) -> dict:
        return {"Authorization": f"Bearer {self.token}"}

    def read(self, identifier: str = "") -> dict | None:
        """A prediction, or the latest hundred; None while the service does not answer."""
        place = f"{self.address}/api/predictions" + (f"/{identifier}" if identifier else "")
        with suppress(requests.RequestException):
            answer = requests.get(place, headers=self.bearer, timeout=30)
            return answer.json() if answer.ok else None
        return None


def kill_in_turn(senders: list[Sender], kills: list[Callable[[], bool]], rounds: int) -> int:
    """Send cases and kill at moments drawn by chance, once cases are accepted again; how often there was one to kill.

    A kill says whether there was a process to kill, and sees that it is started again.
    """
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    rng, killed = random.Random(0), 0
    try:
        for number in range(rounds):
            _wait_for_more(senders)
            time.sleep(rng.uniform(0, PAUSE))
            killed += kills[number % len(kills)]()
    finally:
        for sender in senders:
            sender.stop.set()
        for thread in threads:
            thread.join(PATIENCE)
    return killed


def _wait_for_more(senders: list[Sender]) -> None:
    """Until each of them has had a case accepted."""
    before, end = [len(sender.accepted) for sender in senders], time.monotonic() + PATIENCE
    while any(len(sender.accepted) == count for sender, count in zip(senders, before, strict=True)):
        assert time.monotonic() < end, "no case is accepted any more"
        time.sleep(0.05)


def states_of(sender: Sender) -> Counter[str]:
    """The state in which each case ends that was accepted; `lost` where it ends in none. A result is of its case."""
    end, left, states = time.monotonic() + PATIENCE, dict(sender.accepted), Counter[str]()
    while left and time.monotonic() < end:
        for key, identifier in list(left.items()):
            found = sender.read(identifier)
            if found and found["state"] in ("done", "failed"):
                states[found["state"]] += 1
                assert found["given"]["text"].endswith(key) and ("result" in found) == (found["state"] == "done")
                del left[key]
        time.sleep(0.2)
    return states + Counter(lost=len(left))
