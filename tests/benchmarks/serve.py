"""Serves one application in a process of its own, the bare one or a workspace, both on the same kind of server; prints its port.

python -m tests.benchmarks.serve bare FOLDER
python -m tests.benchmarks.serve qms WORKSPACE
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from qms import app as assembly
from qms.web import create_app
from tests.benchmarks import bare


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[int]:
    """A server in another process while the block lasts; gives its port."""
    command = [sys.executable, "-m", "tests.benchmarks.serve", kind, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(str(process.stdout and process.stdout.readline()))
        finally:
            process.terminate()


def main(kind: str, folder: Path) -> None:
    if kind == "bare":
        _serve(bare.handler(bare.prepare(f"sqlite:///{folder / 'bare.sqlite3'}")))
        return
    with assembly.opened(folder) as app:
        _serve(create_app(app))


def _serve(application: Any) -> None:
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(application, log_level="warning", server_header=False, lifespan="off", timeout_keep_alive=600)).run(
        sockets=[listener]
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
