"""The command of the verifier that travels.

    python3 verifica.py [EXPORT] [--checkpoint FILE]… [--key KEY] [--git CLONE] [--lang it|en] [--json]

Leaves with 0 when no check failed, 1 when one did, 2 when the export cannot be read.
"""

import argparse
import base64
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from qms.records.offline.checks import Finding, verify
from qms.records.offline.clone import Clone
from qms.records.offline.package import Export, Unreadable
from qms.records.offline.words import WORDS

SHOWN = 20
NOT_READ = (Unreadable, OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify, print, and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    given = _arguments(arguments)
    words = WORDS[given.lang]
    reading = "git"
    try:
        clone = Clone(given.git) if given.git else None
        reading = "checkpoint"
        held = [(path.name, path.read_text(encoding="utf-8")) for path in given.checkpoint]
        reading = "key"
        key = _given_key(given.key) if given.key else None
        reading = "package"
        export = Export(given.export)
        findings = verify(export, held, key, clone)
    except NOT_READ as error:
        named = {"git": given.git, "checkpoint": ", ".join(map(str, given.checkpoint)), "key": given.key, "package": given.export}
        sys.stderr.write(words[f"unreadable.{reading}"].format(name=named[reading], problem=error) + "\n")
        return 2
    failed = sum(finding.passed is False for finding in findings)
    if given.json:
        sys.stdout.write(json.dumps([finding.__dict__ for finding in findings], ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write("".join(_told(export, findings, failed, words)))
    return 1 if failed else 0


def _told(export: Export, findings: Sequence[Finding], failed: int, words: Mapping[str, str]) -> Iterator[str]:
    yield words["title"].format(origin=export.note.origin) + "\n"
    entries = next(finding.count for finding in findings if finding.name == "seal")
    yield words["extent.whole" if export.header["whole"] else "extent.part"].format(count=entries, size=export.note.size) + "\n\n"
    for finding in findings:
        state = "open" if finding.passed is None else "passed" if finding.passed else "failed"
        said = words[f"{finding.name}.{state}"].format(count=finding.count, place=finding.place, print=finding.place)
        yield f"{words[state]} {said}\n"
        for problem in finding.problems[:SHOWN]:
            yield f"         {problem}\n"
        if len(finding.problems) > SHOWN:
            yield "         " + words["more"].format(count=len(finding.problems) - SHOWN) + "\n"
    yield "\n" + words["summary.failed" if failed else "summary.passed"].format(count=failed) + "\n"
    yield words["summary.limits"] + "\n"


def _given_key(said: str) -> bytes:
    path = Path(said)
    text = path.read_text("ascii") if len(said) < 200 and path.is_file() else said
    return base64.b64decode(text.strip(), validate=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    words = WORDS["it"]
    parser = argparse.ArgumentParser(description=f"{words['usage']} — {WORDS['en']['usage']}")

    def told(key: str) -> str:
        return f"{words[key]} — {WORDS['en'][key]}"

    here = Path(__file__).parent
    parser.add_argument("export", type=Path, nargs="?", default=here, help=told("usage.package"))
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], metavar="FILE", help=told("usage.checkpoint"))
    parser.add_argument("--key", metavar="KEY", help=told("usage.key"))
    parser.add_argument("--git", type=Path, metavar="DIR", help=told("usage.git"))
    parser.add_argument("--lang", choices=sorted(WORDS), default="it", help=told("usage.lang"))
    parser.add_argument("--json", action="store_true", help=told("usage.json"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
