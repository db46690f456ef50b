"""What a person typed and the program could not take as it stands: one error, with a code and the readings it hesitated between."""

from collections.abc import Mapping

from qms.errors import QmsError


class BadValue(QmsError):
    """One value that is refused. The sentence stands in the catalogues under ``value.<code>``; ``values`` always holds ``found``."""

    def __init__(self, code: str, found: str, **values: object) -> None:
        super().__init__(f"{code}: {found[:80]!r}")
        self.code = code
        self.values: Mapping[str, object] = {"found": found[:80], **values}
