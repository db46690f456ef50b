"""Turns a document's Markdown into HTML that is safe to show: what an author writes can neither run nor hang.

The text is rendered and cleaned in a process of its own, with limits on time and memory; where that fails the reader gets the plain text,
never an error. A text never changes under its blob id, so each is rendered once.
"""

import json
import os
import re
import resource
import select
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from html import escape
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any, NoReturn
from xml.etree.ElementTree import Element

import nh3
from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

LIMIT = 300_000
SECONDS = 1
"""Of processor time for one text; a long procedure takes a twentieth."""
PATIENCE = 10
MEMORY = 1_000_000_000
KEPT = 500
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
TAGS = {
    *HEADINGS, "p", "br", "hr", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre", "code", "em", "strong", "del", "ins", "sub", "sup",
    "a", "abbr", "table", "thead", "tbody", "tr", "th", "td", "div", "img", "span",
}  # fmt: skip
CLASSES = frozenset({"align-left", "align-center", "align-right", "footnote", "footnote-ref", "footnote-backref", "task", "task-done"})
ATTRIBUTES = {
    "*": {"class", "id"},
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
IDENTIFIER = re.compile(r"(?:s-[\w.-]{1,100}|fn(?:ref)?\d*:[\w.-]{1,60})")
FIGURE = re.compile(r"(?:[A-Za-z0-9._-]+/)?([A-Za-z0-9][A-Za-z0-9_-]*\.(?:png|jpg|jpeg|webp))")


@dataclass(frozen=True)
class Rendered:
    """A page's body. ``is_plain`` when the text could not be rendered within its limits and is shown as it was written."""

    html: str
    is_plain: bool


class Renderer:
    """Renders in one worker process, restarted when it breaks, and keeps what it made. Close it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], Rendered] = OrderedDict()
        self._turn = threading.Lock()
        self._worker: Popen[bytes] | None = None

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker."""
        with self._turn:
            self._stop()

    def document(self, blob: str, body: str, figures: str = "") -> Rendered:
        """The HTML of the text ``body`` with blob id ``blob``; ``figures`` is the address below which its pictures are served."""
        return self._once((blob, figures), {"work": "render", "text": body, "figures": figures}, body)

    def preview(self, body: str, figures: str = "") -> Rendered:
        """The HTML of a text that is not on the shelf yet."""
        return self._ask({"work": "render", "text": body, "figures": figures}, body)

    def comparison(self, old_blob: str, new_blob: str, old: str, new: str) -> Rendered:
        """The new text's HTML with what went and what came marked by ``del`` and ``ins``."""
        return self._once((old_blob, new_blob, "compared"), {"work": "compare", "old": old, "new": new}, new)

    def _once(self, name: tuple[str, ...], job: dict[str, str], text: str) -> Rendered:
        with self._turn:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        made = self._ask(job, text)
        with self._turn:
            self._kept[name] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def _ask(self, job: dict[str, str], text: str) -> Rendered:
        if len(text) > LIMIT:
            return plain(text[:LIMIT])
        with self._turn:
            html = self._exchange(json.dumps(job).encode() + b"\n")
        return plain(text) if html is None else Rendered(html, False)

    def _exchange(self, line: bytes) -> str | None:
        """The worker's answer, or None when it gave none in time; a worker that had just died gets one successor."""
        for _ in range(2):
            worker = self._running()
            assert worker.stdin is not None
            assert worker.stdout is not None
            try:
                worker.stdin.write(line)
                worker.stdin.flush()
            except BrokenPipeError:
                self._stop()
                continue
            ready, _, _ = select.select([worker.stdout], [], [], PATIENCE)
            answer = worker.stdout.readline() if ready else b""
            if not answer:
                self._stop()
                return None
            found = json.loads(answer)
            return str(found) if found is not None else None
        return None

    def _running(self) -> Popen[bytes]:
        if self._worker is None or self._worker.poll() is not None:
            self._stop()
            source = str(Path(__file__).parent.parent.parent)
            environment = {"PYTHONPATH": source, "PATH": os.environ.get("PATH", os.defpath), "PYTHONIOENCODING": "utf-8"}
            command = [sys.executable, "-m", "qms.procedures.render"]
            self._worker = Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment)
        return self._worker

    def _stop(self) -> None:
        if self._worker is None:
            return
        worker, self._worker = self._worker, None
        worker.kill()
        worker.wait()
        for stream in (worker.stdin, worker.stdout):
            try:
                if stream is not None:
                    stream.close()
            except BrokenPipeError:
                continue


def plain(text: str) -> Rendered:
    """The text as it was written."""
    return Rendered(f"<pre>{escape(text)}</pre>", True)


def to_html(text: str, figures: str = "") -> str:
    """Render and clean, without limits: only for the worker and for texts of known origin."""
    markdown = Markdown(
        extensions=["tables", "fenced_code", "footnotes", "attr_list", "def_list", "abbr", "sane_lists", "toc", "pymdownx.tilde", _House()],
        extension_configs={"toc": {"slugify": _slug, "permalink": False, "marker": ""}, "footnotes": {"BACKLINK_TITLE": "↩ {}"}},
        output_format="html",
        tab_length=4,
    )
    return clean(markdown.convert(text), figures)


def clean(html: str, figures: str = "") -> str:
    """Keep only tags and attributes of a closed list; links lead to the web, to mail or within the page."""

    def keep(tag: str, name: str, value: str) -> str | None:
        if name == "class":
            return " ".join(word for word in value.split() if word in CLASSES) or None
        if name == "id":
            return value if IDENTIFIER.fullmatch(value) else None
        if name == "src":
            shape = FIGURE.fullmatch(value)
            return f"{figures.rstrip('/')}/{shape[1]}" if shape is not None and figures else None
        if name == "href" and re.match(r"[\s\x00-\x20]*[/\\]", value):
            return None
        if name in ("colspan", "rowspan", "start"):
            return value if re.fullmatch(r"[0-9]{1,3}", value) else None
        return value

    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto"},
        clean_content_tags={"script", "style"},
        link_rel="noopener noreferrer nofollow",
    )


class _House(Extension):
    """What the house adds to Markdown: table columns aligned by class, and boxes for tasks."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(_Alignment(md), "alignment", 1)


class _Alignment(Treeprocessor):
    def run(self, root: Element) -> None:
        for cell in (*root.iter("td"), *root.iter("th")):
            shape = re.fullmatch(r"text-align: (left|center|right);", cell.attrib.pop("style", ""))
            if shape is not None:
                cell.set("class", f"align-{shape[1]}")
        for item in root.iter("li"):
            _task(item)


def _task(item: Element) -> None:
    holder = item if (item.text or "").strip() or not len(item) else item[0]
    text = (holder.text or "").lstrip()
    if text.startswith(("[ ] ", "[x] ", "[X] ")):
        done = text[1] != " "
        holder.text = ("☑ " if done else "☐ ") + text[4:]
        item.set("class", "task task-done" if done else "task")


def _slug(value: str, separator: str) -> str:
    words = re.findall(r"\w+", value.lower())
    return "s-" + (separator.join(words)[:80] or "x")


def _compare(old: str, new: str) -> str | None:
    """The rendered comparison, or None when the texts are too long for it."""
    from lxml.html.diff import htmldiff

    if len(old) + len(new) > 160_000:
        return None
    return clean(htmldiff(to_html(old), to_html(new)))


def _work(job: dict[str, Any]) -> str | None:
    if job["work"] == "compare":
        return _compare(job["old"], job["new"])
    return to_html(job["text"], job["figures"])


def main() -> NoReturn:
    """Answer one job a line until the input ends; each job has its own allowance of processor time."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin:
        spent = resource.getrusage(resource.RUSAGE_SELF)
        allowed = int(spent.ru_utime + spent.ru_stime) + 1 + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))
        try:
            answer = _work(json.loads(line))
        except (ValueError, RecursionError, MemoryError, AttributeError, IndexError, KeyError):
            answer = None
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
