"""Kill -9 of the web process and of the worker, in turn, while cases are sent: each ends with exactly one result.

`benchmarks/kills.py` does the same for as many rounds as asked, with the database too.
"""

from functools import partial

from killing import Sender, kill_in_turn, states_of
from service_cases import PASSWORD, image_file

ROUNDS = 4
MODELS = [("small/tfidf", None), ("small/tfidf", None), ("small/late-of-networks", image_file(96, 96).read())]


def test_nothing_is_lost_and_nothing_is_doubled(served):
    senders = [Sender(served.address, served.sign_up(f"kill{n}", PASSWORD), MODELS) for n in range(2)]
    assert kill_in_turn(senders, [partial(served.kill, name) for name in ["web", "worker"]], ROUNDS) == ROUNDS
    for sender in senders:
        assert len(sender.accepted) > ROUNDS
        assert states_of(sender) == {"done": len(sender.accepted)}
        listed = [each["id"] for each in sender.read()["predictions"]]
        assert len(listed) == len(set(listed)) == min(100, len(sender.accepted))
        assert set(listed) <= set(sender.accepted.values()), "nothing that was not accepted"
