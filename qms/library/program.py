"""How the git program is called: always the same way, whatever the machine's own settings are, and with one writer at a time.

Arguments go as a list, never through a shell. The settings below hold for every call: objects, packs and references are flushed to disk,
nothing is collected or rewritten in the background, no configuration of the machine or of a person is read, no password is asked, no
address is fetched.
"""

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from subprocess import PIPE
from typing import IO, Any

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # where git is missing, `_start` says so in words: the package would fail at import

from git import Git
from git.exc import GitCommandNotFound

from qms.errors import NotFound, QmsError

OBJECT = re.compile(r"[0-9a-f]{40}")
OLDEST = (2, 38)
"""The first git that merges without a work tree."""

SETTINGS = {
    "core.fsync": "loose-object,pack,pack-metadata,reference",
    "core.fsyncMethod": "fsync",
    "core.hooksPath": os.devnull,
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "receive.autogc": "false",
    "receive.fsckObjects": "true",
    "receive.denyNonFastForwards": "true",
    "receive.denyDeletes": "true",
    "transfer.hideRefs": "refs/qms",
    "protocol.allow": "never",
    "merge.renames": "false",
}


class LibraryFailed(QmsError):
    """The git program answered with an error that no act of a person explains."""


class GitMissing(LibraryFailed):
    """There is no git here, or one (``found``) that is too old."""

    def __init__(self, found: str | None = None) -> None:
        super().__init__(f"git {found} is too old" if found else "the program git is not installed, or not on the PATH")
        self.found = found


class Program:
    """The git program at work on one bare repository, with the process that reads for it and the lock of its writer."""

    def __init__(self, path: Path, *, quarantine: bool) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        self._environment = _environment(path, quarantine)
        self._git = Git(path)
        self._reader: Any = None
        self._reading = threading.Lock()
        self._writing = threading.RLock()
        self._depth = 0
        self._lock: int | None = None

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the writer's lock; the same thread may take it again."""
        with self._writing:
            if self._depth == 0:
                self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                flock(self._lock, LOCK_EX)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._lock is not None:
                    os.close(self._lock)
                    self._lock = None

    @property
    def is_writer(self) -> bool:
        """Whether this thread holds the lock."""
        return self._lock is not None and bool(self._writing._is_owned())  # type: ignore[attr-defined]

    def run(self, arguments: Sequence[str], content: bytes = b"") -> bytes:
        """What git answers to ``arguments``. Raises LibraryFailed."""
        status, out, error = self.call(arguments, content)
        if status != 0:
            raise LibraryFailed(f"git {arguments[0]}: {error}")
        return out

    def call(self, arguments: Sequence[str], content: bytes = b"") -> tuple[int, bytes, str]:
        """Exit status, answer and complaint of git."""
        process = self._start(arguments, istream=PIPE, env=self._environment)
        out, error = process.communicate(content)
        return process.proc.returncode, out, error.decode("utf-8", "replace").strip()

    def require_recent(self) -> None:
        """Raises GitMissing when git is older than what the library is made with."""
        said = self.run(["version"]).decode("utf-8", "replace")
        numbers = re.search(r"(\d+)\.(\d+)", said)
        if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST:
            raise GitMissing(said.removeprefix("git version").strip())

    def serve(self, environment: Mapping[str, str], settings: Mapping[str, str], body: IO[bytes]) -> Any:
        """Start git's own HTTP door for one request; what the process writes is the CGI answer."""
        env = {**self._environment, **_configuration({**SETTINGS, **settings}, self.path), **environment}
        return self._start(["http-backend"], istream=body, env=env, group=0)

    def object(self, name: str) -> tuple[str, bytes]:
        """Kind and bytes of an object. Raises NotFound when it is not there or not whole."""
        object_id(name)
        with self._reading:
            try:
                return self._ask(name)
            except (BrokenPipeError, EOFError):
                self._stop()
            try:
                return self._ask(name)
            except (BrokenPipeError, EOFError) as error:
                self._stop()
                raise NotFound("object", name) from error

    def close(self) -> None:
        """End the reading process."""
        with self._reading:
            self._stop()

    def _ask(self, name: str) -> tuple[str, bytes]:
        if self._reader is None:
            self._reader = self._start(["cat-file", "--batch"], istream=PIPE, env=self._environment, lasting=True)
        self._reader.stdin.write(name.encode("ascii") + b"\n")
        self._reader.stdin.flush()
        head = self._reader.stdout.readline().split()
        if not head:
            raise EOFError
        if len(head) != 3:
            raise NotFound("object", name)
        content: bytes = self._reader.stdout.read(int(head[2]))
        if len(content) != int(head[2]) or self._reader.stdout.read(1) != b"\n":
            raise EOFError
        return head[1].decode("ascii"), content

    def _stop(self) -> None:
        if self._reader is None:
            return
        reader, self._reader = self._reader, None
        try:
            reader.stdin.close()
        except BrokenPipeError:
            reader.proc.kill()
        reader.stdout.close()
        reader.stderr.close()
        reader.proc.wait()

    def _start(
        self, arguments: Sequence[str], *, istream: Any, env: Mapping[str, str], lasting: bool = False, group: int | None = None
    ) -> Any:
        """Start git. It inherits the lock while this thread is the writer, but the process that only reads outlives the lock.

        With ``group`` 0 it leads a group of its own, so that it can be ended together with all that it starts.
        """
        held = (self._lock,) if self._lock is not None and self.is_writer and not lasting else ()
        try:
            return self._git.execute(["git", *arguments], istream=istream, as_process=True, env=env, pass_fds=held, process_group=group)
        except GitCommandNotFound as error:
            raise GitMissing from error


def object_id(name: str) -> str:
    """``name`` when it is a full object id. Raises ValueError: anything shorter or else could be read as an option."""
    if OBJECT.fullmatch(name) is None:
        raise ValueError(f"not an object of the library: {name!r}")
    return name


def flush(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _environment(path: Path, quarantine: bool) -> dict[str, str]:
    fixed = {
        "GIT_DIR": str(path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_PARAMETERS": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NAMESPACE": "",
        "HOME": str(path / "home"),
        "XDG_CONFIG_HOME": str(path / "home"),
        "TZ": "UTC",
        **_configuration(SETTINGS, path),
    }
    if not quarantine:
        fixed |= {"GIT_OBJECT_DIRECTORY": str(path / "objects"), "GIT_ALTERNATE_OBJECT_DIRECTORIES": ""}
    return fixed


def _configuration(settings: Mapping[str, str], path: Path) -> dict[str, str]:
    pairs = [*settings.items(), ("safe.directory", str(path))]
    named = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        named |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return named
