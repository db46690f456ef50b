"""What the pages that list cost as an organisation grows: the demo as it is, beside one a hundred times as large.

A hundred times the documents and the cases; each new case goes its whole way, so that the trail grows with them. Pages come over HTTP
from a server of their own, asked by a quality manager, who sees everything.
"""

import re
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import median, quantiles

from qms import app as assembly
from qms.app import App
from qms.database import Transaction
from qms.desk import demo, start
from qms.people import directory, sign_in
from qms.people.actor import SYSTEM, Actor
from qms.procedures import adoption, control
from qms.records import trail
from qms.workflows import case
from tests.benchmarks.serve import serving

TIMES = 100
AT_ONCE = 500
ASKED = 60
PAGES = (
    ("the desk", "/"),
    ("register of documents", "/documents"),
    ("list of cases", "/cases"),
    ("search in the trail", "/records?words=registro+canile"),
)
_keys = count()


def growth(folder: Path) -> Iterator[tuple[str, ...]]:
    """A row for each page: what, median and 95th hundredth small, the same large, how many times the median grew."""
    root = folder / "demo"
    demo.build(root, assembly.open)
    small = _measure(root)
    with assembly.opened(root) as app:
        sizes = _grow(app)
    large = _measure(root)
    for name, _ in PAGES:
        before, after = small[name], large[name]
        yield (name, *_shown(before), *_shown(after), f"{median(after) / median(before):.2f}")
    yield (sizes,)


def _measure(root: Path) -> dict[str, list[float]]:
    with assembly.opened(root) as app:
        session = sign_in.sign_in(app.database, demo.sign_ins()[0].email, demo.sign_ins()[0].password)
    found: dict[str, list[float]] = {name: [] for name, _ in PAGES}
    with serving("qms", root) as port:
        line = HTTPConnection("127.0.0.1", port)
        for turn in range(ASKED + 5):
            for name, path in PAGES:
                began = time.perf_counter()
                line.request("GET", path, headers={"Cookie": f"qms={session.cookie}"})
                answer = line.getresponse()
                answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"{path}: {answer.status}")
                if turn >= 5:
                    found[name].append(time.perf_counter() - began)
    return found


def _grow(app: App) -> str:
    with app.reading() as connection:
        documents = len(control.register(connection, limit=1000))
        cases = len(case.cases(connection, app.engine, SYSTEM, limit=200))
        persons = [directory.actor(connection, one.id, app.hats, "api") for one in directory.persons(connection)]
    quality, other = persons[0], next(one for one in persons[1:] if one.kind == "staff")
    texts = _more_documents(documents * (TIMES - 1))
    with app.writing(shelf=True) as tx:
        adoption.adopt(tx, app.library, texts, by=SYSTEM, zone=app.zone)
    wanted = cases * (TIMES - 1)
    for begin in range(0, wanted, AT_ONCE):
        with app.writing() as tx:
            for place in range(begin, min(begin + AT_ONCE, wanted)):
                _live(tx, app, place, quality, other)
    with app.reading() as connection:
        size = trail.size(connection)
    return f"{documents * TIMES} documents, {cases * TIMES} cases, {size} entries on the trail"


def _live(tx: Transaction, app: App, place: int, quality: Actor, other: Actor) -> None:
    """One action: asked for, done; seen and closed unless it is among the last."""
    asked = {"title": f"Guardare il registro del canile {place}", "owner": other.person, "due_on": "31/12/2030", "origin": "IDEA"}
    opened = case.open_case(tx, app.engine, "planned-action", quality, fields=asked, key=f"g{next(_keys)}")
    for step, by, fields in (("report_done", other, {"outcome": "Registro guardato e firmato"}), ("seen_done", quality, {})):
        if step == "seen_done" and place % 20 == 0:
            continue
        version = 1 if step == "report_done" else 2
        case.take_step(tx, app.engine, str(opened.case), step, by, version=version, fields=fields, key=f"g{next(_keys)}")


def _more_documents(wanted: int) -> dict[str, bytes]:
    """Instructions under codes of their own, each a copy of the same text of the starter's."""
    path, text = next((path, text) for path, text in start.starter().items() if re.search(r"IST-8\.5-01[^/]*(?<!\.en)\.md$", path))
    code = re.search(r"IST-8\.5-01", path)
    if code is None:
        raise RuntimeError(path)
    found = {}
    for place in range(wanted):
        name = f"IST-9.{place // 900 + 1}-{place % 900 + 100}"
        found[path.replace(code[0], name)] = text.replace(code[0].encode(), name.encode())
    return found


def _shown(times: list[float]) -> tuple[str, str]:
    return f"{median(times) * 1000:.1f} ms", f"{quantiles(times, n=20)[18] * 1000:.1f} ms"
