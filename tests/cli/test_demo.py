"""``qms demo``: made once, served at once, kept, started over on demand, and never taking somebody's real workspace for a demo."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.cli.conftest import Qms
from tests.house import House

ROOT = Path(__file__).parents[2]


@contextmanager
def demo(folder: Path, port: int, *words: str) -> Iterator[tuple[str, str]]:
    """A demo being served: its address and what it printed before."""
    command = [sys.executable, "-m", "qms", "--language", "en", "demo", str(folder), "--port", str(port), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)) as server:
        assert server.stdout is not None
        lines = []
        for line in server.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        address = next((word.rstrip(".") for word in "".join(lines).split() if word.startswith("http://")), "")
        try:
            with urlopen(f"{address}/healthz", timeout=20) as answer:
                assert answer.status == 200
            yield address, "".join(lines)
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(20) == 0, server.stderr.read() if server.stderr else ""


def test_a_demo_is_made_served_kept_and_started_over(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(folder, port) as (address, said):
            assert address != f"http://127.0.0.1:{port}"
            assert "auditor@" in said
    made = (folder / "keys/trail.pub").read_bytes()
    with demo(folder, port) as (address, _):
        assert address.startswith("http://127.0.0.1:")
    assert (folder / "keys/trail.pub").read_bytes() == made
    (folder / "demo-ready").unlink()
    with demo(folder, port):
        pass
    assert (folder / "keys/trail.pub").read_bytes() != made


def test_a_real_workspace_is_never_thrown_away(qms: Qms, house: House) -> None:
    root = house.app.settings.root
    for words in ((), ("--reset",)):
        answer = qms("demo", str(root), *words)
        assert answer.code == 2
        assert "left alone" in answer.err
    assert (root / "qms.toml").is_file()
