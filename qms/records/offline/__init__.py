"""The verifier that travels: one Python file that checks an export on any machine, without this program and without trusting its owner.

Here it lies in parts, so that each can be read and tested; in every export it is one file, joined from the arithmetic of ``seal`` and the
modules beside this one, none of which imports anything but Python's standard library and each other.
"""

import re
from importlib.resources import files

PARTS = ("curve.py", "words.py", "clone.py", "package.py", "checks.py", "door.py")
_OWN = re.compile(r"^from qms\..*\n", re.MULTILINE)
_OPENING = '''#!/usr/bin/env python3
"""Verifica un pacchetto del registro degli eventi; basta Python 3.9 o successivo.

Verifies a package of the trail; Python 3.9 or later is all it needs.
"""

from __future__ import annotations
'''


def joined() -> str:
    """The whole verifier as the text of one file."""
    here = files(__package__)
    texts = [files("qms.records").joinpath("seal.py"), *(here.joinpath(part) for part in PARTS)]
    parts = [_OWN.sub("", text.read_text(encoding="utf-8")).strip() for text in texts]
    return "\n\n\n".join([_OPENING.strip(), *parts]) + "\n"
