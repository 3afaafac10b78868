"""What becomes of cases while the web process, the worker and the database of the service are killed in turn.

python benchmarks/kills.py results/demo/models/tfidf results/demo/models/early_all --image xray.png --rounds 50 --csv
docs/results/benchmarks/kills.csv

Two programs send cases to the service on a PostgreSQL of its own (its programs must be installed), each again until the
service has said that it accepts it. The table counts kills and cases, and the rows of the database in the end.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pandas as pd
import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from databases import Database, initdb, temporary_database  # noqa: E402
from killing import Sender, kill_in_turn, states_of  # noqa: E402
from served import Served, serving  # noqa: E402

SENDERS = 2
PASSWORD = "a quiet place 7"
DOWN = 1.0  # seconds without a database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", help="folders of trained models of one project")
    parser.add_argument("--image", type=Path, help="sent to each model but the first, which reads a text alone")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    program = initdb() or sys.exit("initdb: not found. Install PostgreSQL.")
    project = arguments.models[0].resolve().parents[3]
    image = arguments.image.read_bytes() if arguments.image else None
    named = [f"{model.resolve().parents[1].name}/{model.name}" for model in arguments.models]
    asked = [(name, image if number else None) for number, name in enumerate(named)]
    quotas = {"MOST_WAITING": "1000", "MOST_A_DAY": "100000"}
    with tempfile.TemporaryDirectory() as folder, temporary_database(program) as database:
        variables = quotas | {"DATABASE": database.address, "REGIONS": "no"}
        with serving(project, Path(folder) / "service", **variables) as served:
            senders = [Sender(served.address, served.sign_up(f"user{n}", PASSWORD), asked) for n in range(SENDERS)]
            found = killed(served, database, senders, arguments.rounds)
    print(found.to_string(index=False))
    if arguments.csv:
        found.to_csv(arguments.csv, index=False, lineterminator="\n")


def killed(served: Served, database: Database, senders: list[Sender], rounds: int) -> pd.DataFrame:
    """Counts by what is counted."""

    def kill_database() -> bool:
        there = database.kill()
        time.sleep(DOWN)
        database.start()
        return there

    kills = [partial(served.kill, "web"), partial(served.kill, "worker"), kill_database]
    found = {"kills": kill_in_turn(senders, kills, rounds)}
    found["accepted"] = sum(len(sender.accepted) for sender in senders)
    found["sent again"] = sum(sender.repeated for sender in senders)
    states = sum(map(states_of, senders), Counter())
    found |= {name: states[name] for name in ["done", "failed", "lost"]}
    with psycopg.connect(database.address) as connection:
        counts = {name: f"predictions_{name.removesuffix('s')}" for name in ["predictions", "results"]}
        counts["jobs with a second attempt"] = "jobs_job WHERE attempts > 1"
        found |= {name: connection.execute(f"SELECT count(*) FROM {of}").fetchone()[0] for name, of in counts.items()}
    return pd.DataFrame(found.items(), columns=["what", "count"])


if __name__ == "__main__":
    main()
