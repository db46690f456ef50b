"""One upload and one release, with marks around them that a system-call trace shows: run under strace by ``test_fsync``."""

import os
import random
import sys
from pathlib import Path

from qms import app as assembly
from qms.people import directory
from tests.cast import CAST
from tests.durability.acts import Client


def main(root: Path) -> None:
    with assembly.opened(root) as app:
        with app.reading() as connection:
            by_email = {person.email: person.id for person in directory.persons(connection)}
        people = {name: by_email[member.email] for name, member in CAST.items()}
        client = Client(app, people, root.parent / "diary", random.Random(1))
        mark("upload-begins")
        client.upload()
        mark("upload-ends")
        client.publish(before_approval=lambda: mark("release-begins"))
        mark("release-ends")


def mark(name: str) -> None:
    """A system call that does nothing but be seen."""
    os.access(f"/mark/{name}", os.F_OK)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
