"""One process that comes back to a workspace after a time in which nothing ran: run by ``test_two_processes``, as many at once as it wants.

    python -m tests.durability.waking server|scheduler FOLDER MOMENT

It opens the workspace, says so, and waits for a line before it begins. A server wakes by its own ticker until it is told to stop; a
scheduler calls the same function until nothing moves any more.
"""

import sys
from datetime import datetime
from pathlib import Path

from qms import app as assembly

OFTEN = 0.001
ROUNDS = 20
"""Far more than a workspace needs to come to rest."""


def main(kind: str, root: Path, now: datetime) -> None:
    with assembly.opened(root, lambda: now) as app:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        if kind == "server":
            app.start_ticker(OFTEN)
            sys.stdin.readline()
        else:
            assert any(app.tick() == 0 for _ in range(ROUNDS))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))
