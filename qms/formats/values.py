"""What a person typed and the program could not take as it stands: one error, with a code and the readings it hesitated between."""

from collections.abc import Mapping

from qms.errors import QmsError


class BadValue(QmsError):
    """One value that is refused. Its sentence stands in the catalogues under ``key``; ``values`` always holds ``found``."""

    def __init__(self, code: str, found: str, **values: object) -> None:
        super().__init__(f"{code}: {found[:80]!r}")
        self.code = code
        self.values: Mapping[str, object] = {"found": found[:80], **values}

    @property
    def key(self) -> str:
        """The catalogue key of the sentence, to be said with ``values``."""
        return f"formats.value.{self.code}"
