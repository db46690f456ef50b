"""A person's own git client: clones, pushes a draft, and is told in a sentence why anything else is refused."""

import base64
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest

from qms.errors import NotPermitted
from qms.people.actor import Actor
from qms.procedures import push
from qms.procedures.hook import Permit
from qms.procedures.push import Request
from tests.procedures.house import ANNA, BRUNO, DINO, OTHER, PATH, House, words

PEOPLE = {"anna": ANNA, "bruno": replace(BRUNO, language="en"), "dino": DINO}


class Body:
    def __init__(self, stream: object, left: int) -> None:
        self.stream, self.left = stream, left

    def read(self, size: int = -1, /) -> bytes:
        wanted = min(self.left, size if size >= 0 else self.left)
        self.left -= wanted
        return self.stream.read(wanted) if wanted else b""  # type: ignore[attr-defined]


class Chunks:
    def __init__(self, stream: object) -> None:
        self.stream = stream

    def read(self, size: int = -1, /) -> bytes:
        length = int(self.stream.readline(), 16)  # type: ignore[attr-defined]
        part: bytes = self.stream.read(length)  # type: ignore[attr-defined]
        self.stream.readline()  # type: ignore[attr-defined]
        return part


def serve(house: House) -> ThreadingHTTPServer:
    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:
            return

        def _answer(self) -> None:
            by = self._person()
            if by is None:
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.end_headers()
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            chunked = headers.get("transfer-encoding") == "chunked"
            body = Chunks(self.rfile) if chunked else Body(self.rfile, int(headers.get("content-length", 0)))
            path, _, query = self.path.partition("?")
            request = Request(self.command, path.removeprefix("/library.git"), query, headers, body)
            try:
                answer = push.serve(
                    house.store, house.library, by, request, open_case=house.open_case, address="http://q/{key}/{slug}", limit=2_000_000
                )
            except NotPermitted:
                answer = push.Answer(403)
            except push.TooLarge:
                answer = push.Answer(413)
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.end_headers()
            for part in answer.body:
                self.wfile.write(part)

        def _person(self) -> Actor | None:
            scheme, _, value = self.headers.get("Authorization", "").partition(" ")
            name = base64.b64decode(value).decode().partition(":")[0] if scheme == "Basic" else ""
            return PEOPLE.get(name)

    return ThreadingHTTPServer(("127.0.0.1", 0), Door)


class Client:
    """A clone on somebody's own machine."""

    def __init__(self, folder: Path, port: int, name: str) -> None:
        self.folder = folder / name
        self.address = f"http://{name}:x@127.0.0.1:{port}/library.git"
        self.git("clone", "--quiet", self.address, str(self.folder), where=folder)

    def git(self, *arguments: str, where: Path | None = None, good: bool = True) -> str:
        environment = {
            "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Chi Vuole", "GIT_AUTHOR_EMAIL": "x@example.org", "GIT_COMMITTER_NAME": "Chi Vuole",
            "GIT_COMMITTER_EMAIL": "x@example.org",
        }  # fmt: skip
        done = subprocess.run(
            ["git", *arguments], cwd=where or self.folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode == 0) is good, done.stderr
        return done.stdout + done.stderr

    def write(self, path: str, text: str, message: str = "Aggiornamento") -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def push(self, ref: str, *more: str, good: bool = True) -> str:
        return self.git("push", *more, "origin", f"HEAD:{ref}", good=good)


@pytest.fixture
def port(house: House) -> Iterator[int]:
    server = serve(house)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def anna(port: int, tmp_path: Path) -> Client:
    return Client(tmp_path, port, "anna")


DRAFT = "refs/heads/draft/PRO-7.5-01/dal-git"


def test_a_pushed_draft_opens_its_case_and_comes_into_force_by_approval(house: House, anna: Client) -> None:
    anna.write(PATH, words(body="Scritto altrove.\n"), "Più chiaro")
    said = anna.push(DRAFT)
    assert "http://q/PRO-7.5-01/dal-git" in said
    draft = house.draft("dal-git")
    assert (draft.authors, draft.reason, draft.base_revision) == (("P-0001",), "Più chiaro", 0)
    assert house.events()[:2] == ["draft-pushed", "case-opened"]
    house.check(draft.case_number)
    house.publish(draft.case_number)
    assert "Scritto altrove." in house.in_force()
    assert "chiusa" in anna.push(DRAFT, good=False)


def test_who_pushes_is_an_author_whatever_the_commit_says(house: House, anna: Client, port: int, tmp_path: Path) -> None:
    anna.write(PATH, words(body="Uno.\n"))
    anna.push(DRAFT)
    bruno = Client(tmp_path, port, "bruno")
    bruno.git("checkout", "--quiet", "-b", "x", "origin/draft/PRO-7.5-01/dal-git")
    bruno.write(PATH, words(body="Due.\n"))
    bruno.push(DRAFT)
    assert house.draft("dal-git").authors == ("P-0001", "P-0002")


def test_a_push_after_an_approval_voids_it(house: House, anna: Client) -> None:
    anna.write(PATH, words(body="Uno.\n"))
    anna.push(DRAFT)
    case = house.draft("dal-git").case_number
    house.check(case)
    anna.write(PATH, words(body="Uno!\n"))
    anna.push(DRAFT)
    with pytest.raises(Exception, match="APPROVAL_VOID:verify"):
        house.publish(case)


def test_a_draft_with_a_code_of_its_own_and_figures_is_taken(house: House, anna: Client) -> None:
    (anna.folder / "procedures/formazione/IST-8.5-01-aula").mkdir(parents=True)
    (anna.folder / "procedures/formazione/IST-8.5-01-aula/pianta.png").write_bytes(b"\x89PNG\r\n\x1a\n0")
    anna.write("procedures/formazione/IST-8.5-01-aula.md", words("IST-8.5-01", type="IST"))
    anna.push("refs/heads/draft/IST-8.5-01/prima")
    draft = house.draft("prima", "IST-8.5-01")
    assert draft.base_revision is None
    house.publish(draft.case_number)
    assert house.row("IST-8.5-01").revision == 0


@pytest.mark.parametrize(
    ("ref", "sentence"),
    [
        ("refs/heads/main", "Il ramo main contiene solo ciò che è in vigore"),
        ("refs/tags/rev/PRO-7.5-01/9", "Le etichette segnano le revisioni approvate"),
        ("refs/tags/x", "Le etichette segnano le revisioni approvate"),
        ("refs/heads/altro", "si possono inviare soltanto bozze"),
        ("refs/heads/draft/pro-7/x", "si possono inviare soltanto bozze"),
        ("refs/heads/draft/PRO-7.5-01/x/y", "si possono inviare soltanto bozze"),
        ("refs/heads/checkpoints", "si possono inviare soltanto bozze"),
        ("refs/archive/draft/PRO-7.5-01/x", "si possono inviare soltanto bozze"),
        ("refs/heads/draft/PRO-7.5-02/x", "tocca file che non sono del suo documento|un solo documento|dice di essere"),
    ],
)
def test_any_other_place_is_refused_with_a_sentence(house: House, anna: Client, ref: str, sentence: str) -> None:
    before = house.found()
    anna.write(PATH, words(body="Uno.\n"))
    said = anna.push(ref, good=False)
    assert any(part in said for part in sentence.split("|")), said
    assert house.found() == before
    assert "draft-pushed" not in house.events()


def test_the_sentence_is_in_the_persons_language(port: int, tmp_path: Path) -> None:
    bruno = Client(tmp_path, port, "bruno")
    bruno.write(PATH, words(body="Uno.\n"))
    assert "only the system writes it" in bruno.push("refs/heads/main", good=False)


def test_a_draft_is_neither_forced_nor_deleted(house: House, anna: Client) -> None:
    anna.write(PATH, words(body="Uno.\n"))
    anna.push(DRAFT)
    tip = house.draft("dal-git").tip
    anna.git("reset", "--quiet", "--hard", "HEAD^")
    anna.write(PATH, words(body="Altra storia.\n"))
    assert "riscriverebbe la storia" in anna.push(DRAFT, "--force", good=False)
    said = anna.git("push", "origin", f":{DRAFT}", good=False)
    assert "non si cancella" in said or "delet" in said
    assert house.draft("dal-git").tip == tip == house.found()[DRAFT]


def test_a_draft_changes_its_own_document_only(house: House, anna: Client) -> None:
    anna.write(PATH, words(body="Uno.\n"))
    anna.write("workflows/prova.yaml", "id: altra\n")
    assert "workflows/prova.yaml" in anna.push(DRAFT, good=False)
    anna.git("reset", "--quiet", "--hard", "HEAD^")
    anna.write(OTHER, words("PRO-7.5-02", body="x\n"))
    assert "un solo documento" in anna.push(DRAFT, good=False)


def test_even_a_file_added_and_taken_away_again_does_not_enter(anna: Client) -> None:
    anna.write(PATH, words(body="Uno.\n"))
    anna.write("segreti.txt", "x")
    (anna.folder / "segreti.txt").unlink()
    anna.git("commit", "--quiet", "-a", "-m", "via")
    assert "segreti.txt" in anna.push(DRAFT, good=False)


def test_a_text_that_is_not_well_formed_is_refused_with_its_lines(anna: Client) -> None:
    anna.write(PATH, words(type="XYZ", owner="boh"))
    said = anna.push(DRAFT, good=False)
    assert "XYZ" in said
    assert "boh" in said
    assert f"{PATH}:5" in said.replace("remote: ", "")


def test_links_and_programs_are_refused(anna: Client) -> None:
    (anna.folder / PATH).unlink()
    (anna.folder / PATH).symlink_to("/etc/passwd")
    anna.git("commit", "--quiet", "-a", "-m", "x")
    anna.push(DRAFT, good=False)
    anna.git("reset", "--quiet", "--hard", "HEAD^")
    (anna.folder / PATH).chmod(0o755)
    anna.write(PATH, words(body="Uno.\n"))
    assert "file semplici" in anna.push(DRAFT, good=False)


def test_a_history_of_another_library_is_refused(anna: Client) -> None:
    anna.git("checkout", "--quiet", "--orphan", "nuovo")
    anna.git("commit", "--quiet", "-m", "x")
    assert "non parte dal ramo main" in anna.push(DRAFT, good=False)


def test_several_references_stand_or_fall_together(house: House, anna: Client) -> None:
    anna.write(PATH, words(body="Uno.\n"))
    anna.git("push", "origin", f"HEAD:{DRAFT}", "HEAD:refs/heads/main", good=False)
    assert DRAFT not in house.found()


def test_a_push_larger_than_the_door_takes_is_refused(house: House, anna: Client) -> None:
    (anna.folder / "grande.bin").write_bytes(os.urandom(3_000_000))
    anna.git("add", "--all")
    anna.git("commit", "--quiet", "-m", "x")
    anna.push(DRAFT, good=False)
    assert DRAFT not in house.found()
    large = Request("POST", "/git-receive-pack", "", {}, BytesIO(b"x" * 3_000))
    with pytest.raises(push.TooLarge):
        push.serve(house.store, house.library, ANNA, large, open_case=house.open_case, address="", limit=2_000)


def test_who_may_not_write_drafts_has_no_clone(house: House, port: int, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="403"):
        Client(tmp_path, port, "dino")


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/HEAD", ""), ("GET", "/objects/info/packs", ""), ("GET", "/config", ""), ("GET", "/../qms.toml", ""),
        ("GET", "/info/refs", ""), ("GET", "/info/refs", "service=git-upload-archive"), ("POST", "/git-upload-archive", ""),
        ("GET", "/info/refs", "service=git-upload-pack&x=1"), ("PUT", "/git-receive-pack", ""),
    ],
)  # fmt: skip
def test_git_has_no_other_addresses(house: House, method: str, path: str, query: str) -> None:
    answer = push.serve(house.store, house.library, ANNA, Request(method, path, query, {}), open_case=house.open_case, address="")
    assert answer.status == 404


def test_what_a_push_left_unrecorded_is_put_aside_by_the_next_writer(house: House, anna: Client) -> None:
    def fails(*_: object) -> str:
        raise OSError("power cut")

    anna.write(PATH, words(body="Uno.\n"))
    steady = house.open_case
    house.__dict__["open_case"] = fails
    anna.push(DRAFT, good=False)
    house.__dict__["open_case"] = steady
    with house.writing():
        pass
    assert DRAFT not in house.found()
    assert house.events()[0] == "library-alarm"
    anna.push(DRAFT)
    assert house.draft("dal-git").authors == ("P-0001",)


def crafted(client: Client, *extra: tuple[str, bytes, bytes], bomb: tuple[str, ...] = ()) -> str:
    """A commit no ordinary client makes: the draft's own text, ``extra`` (mode, content, path), a folder with no end at ``bomb``."""

    def git(*arguments: str, content: bytes = b"") -> str:
        who = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x"}
        environment = {**who, "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_INDEX_FILE": str(client.folder / ".git/other")}
        done = subprocess.run(["git", *arguments], cwd=client.folder, env=environment, input=content, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def endless() -> str:
        """Ten folders deep, each holding the one below ten times: ten thousand million files in a kilobyte."""
        folder = git("mktree", content=f"100644 blob {git('hash-object', '-w', '--stdin', content=b'x')}\tx\n".encode())
        for _ in range(10):
            folder = git("mktree", content="".join(f"040000 tree {folder}\td{place}\n" for place in range(10)).encode())
        return folder

    def planted(tree: str, place: tuple[str, ...]) -> str:
        listed = [line for line in git("ls-tree", tree).splitlines() if line.partition("\t")[2] != place[0]]
        below = git("mktree") if len(place) > 1 else endless()
        if len(place) > 1:
            known = [line.split()[2] for line in git("ls-tree", tree).splitlines() if line.partition("\t")[2] == place[0]]
            below = planted(known[0] if known else below, place[1:])
        return git("mktree", content="\n".join([*listed, f"040000 tree {below}\t{place[0]}", ""]).encode())

    git("read-tree", "HEAD")
    for mode, content, path in (("100644", words(body="Uno.\n").encode(), PATH.encode()), *extra):
        blob = git("hash-object", "-w", "--stdin", content=content)
        git("update-index", "-z", "--index-info", content=f"{mode} {blob}\t".encode() + path + b"\0")
    tree = git("write-tree")
    return git("commit-tree", planted(tree, bomb) if bomb else tree, "-p", "HEAD", content=b"Per prova.\n")


@pytest.mark.parametrize(
    ("mode", "path"),
    [
        ("100644", b"\n" + PATH.encode()),
        ("120000", b"\n" + PATH.encode()),
        ("100644", PATH.encode() + b"\n"),
        ("100644", b"procedures/\xff\xfe.md"),
        ("100644", b"procedures/\x1b[2J\x1b]0;x\x07.md"),
        ("100644", b".gitattributes"),
        ("100644", b"hooks/pre-receive"),
        ("100644", PATH.removesuffix(".md").encode() + b"/sotto/uno.png"),
    ],
)
def test_a_file_of_a_strange_name_does_not_slip_in(house: House, anna: Client, mode: str, path: bytes) -> None:
    said = anna.git("push", "origin", f"{crafted(anna, (mode, b'altro', path))}:{DRAFT}", good=False)
    assert "tocca file che non sono del suo documento" in said
    assert "Traceback" not in said
    assert "\x1b[2J" not in said
    assert DRAFT not in house.found()


def test_two_figures_whose_names_differ_in_capitals_only_are_refused(house: House, anna: Client) -> None:
    folder = PATH.removesuffix(".md").encode()
    twins = [("100644", b"\x89PNG\r\n\x1a\n" + name, folder + b"/" + name) for name in (b"Uno.png", b"uno.png")]
    said = anna.git("push", "origin", f"{crafted(anna, *twins)}:{DRAFT}", good=False)
    assert "Due figure hanno lo stesso nome" in said
    assert DRAFT not in house.found()


@pytest.mark.parametrize("place", [("bomba",), ("procedures", "bomba"), (*PATH.removesuffix(".md").split("/"), "bomba")])
def test_folders_without_end_are_not_opened(house: House, anna: Client, place: tuple[str, ...]) -> None:
    begun = time.monotonic()
    said = anna.git("push", "origin", f"{crafted(anna, bomb=place)}:{DRAFT}", good=False)
    assert "tocca file che non sono del suo documento" in said
    assert time.monotonic() - begun < 20
    assert DRAFT not in house.found()


@pytest.mark.parametrize("path", [PATH, PATH.removesuffix(".md") + "/uno.png"])
def test_a_file_that_unpacks_to_more_than_fits_is_counted_and_not_read(house: House, anna: Client, path: str) -> None:
    said = anna.git("push", "origin", f"{crafted(anna, ('100644', bytes(60_000_000), path.encode()))}:{DRAFT}", good=False)
    assert "al massimo 300" in said or "supera 2 MB" in said
    assert DRAFT not in house.found()


def test_a_push_that_takes_too_long_is_ended_and_leaves_nothing(house: House, anna: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "LONGEST", 0.05)
    anna.write(PATH, words(body="Uno.\n"))
    anna.push(DRAFT, good=False)
    assert DRAFT not in house.found()
    monkeypatch.undo()
    anna.push(DRAFT)


def test_a_mistake_of_the_judge_is_a_sentence_and_its_trace_stays_at_home(
    house: House, anna: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written = Permit.write
    monkeypatch.setattr(Permit, "write", lambda permit, path: written(replace(permit, drafts=None), path))
    anna.write(PATH, words(body="Uno.\n"))
    said = anna.push(DRAFT, good=False)
    assert "Il server non è riuscito a giudicare l'invio" in said
    assert "Traceback" not in said
    assert "AttributeError" in caplog.text
    assert DRAFT not in house.found()
