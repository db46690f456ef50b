"""Who asks the API, and in which shapes: a personal token in the header, values of exactly the described types and nothing else."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from json import JSONDecodeError
from typing import Annotated, Any

from fastapi import Depends
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from qms.app import App
from qms.database import stamp
from qms.errors import NotPermitted, Reason
from qms.locale import say, spoken
from qms.people import tokens
from qms.people.actor import Actor
from qms.records.trail import Receipt
from qms.web.registry import Permission

LONGEST_NUMBER = 40
BEARER = HTTPBearer(auto_error=False, description="A personal token, made on the account page or with `qms people token`.")


class Caller:
    """One request of a program."""

    def __init__(self, request: Request, token: str) -> None:
        self.request = request
        self.app: App = request.app.state.qms
        self.person: Actor | None = None
        self._token = token

    @property
    def by(self) -> Actor:
        """Who asks. Raises NotPermitted before they were admitted."""
        if self.person is None:
            raise NotPermitted([Reason("NOT_SIGNED_IN")])
        return self.person

    @property
    def language(self) -> str:
        return self.person.language if self.person is not None else language_of(self.request)

    def t(self, key: str, count: int | None = None, **values: object) -> str:
        return say(self.language, key, count, **values)

    def admit(self, permission: Permission) -> None:
        """Find out whose token this is, and whether they may. Raises NotPermitted."""
        with self.app.database.asking() as connection:
            self.person = tokens.bearer(connection, self._token, self.app.database.clock(), self.app.hats, "api")
        self.request.state.language = self.person.language
        if not permission.admits(self.person):
            raise NotPermitted([Reason("NOT_FOR_YOU")])


async def _asking(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> Caller:
    if given is None or not given.credentials:
        raise NotPermitted([Reason("NOT_SIGNED_IN")])
    return Caller(request, given.credentials)


Asking = Annotated[Caller, Depends(_asking)]
"""The one dependency of every verb; it runs on the event loop and touches nothing."""


class Strictly(APIRoute):
    """An address whose body is JSON in one reading only: UTF-8, no name twice, no number that is none, no number without end."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await answer(_Exactly(request.scope, request.receive))

        return strictly


class _Exactly(Request):
    async def json(self) -> Any:
        """The body's value. Raises JSONDecodeError whose message is the last part of a key of the catalogue."""
        content = await self.body()
        try:
            return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number, parse_int=_short)
        except UnicodeDecodeError as error:
            raise JSONDecodeError("not_utf8", "", error.start) from error
        except RecursionError as error:
            raise JSONDecodeError("too_deep", "", 0) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise JSONDecodeError("name_twice", "", 0)
    return found


def _no_number(written: str) -> Any:
    raise JSONDecodeError("no_number", written, 0)


def _short(written: str) -> int:
    if len(written) > LONGEST_NUMBER:
        raise JSONDecodeError("long_number", "", 0)
    return int(written)


class Shape(BaseModel):
    """What a program may send: exact types, no unknown names, no characters that no store takes."""

    model_config = ConfigDict(strict=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _writable(cls, value: Any) -> Any:
        if not _is_writable(value):
            raise PydanticCustomError("unwritable", "a null character, half of a character pair, or too many levels")
        return value


class Attached(Shape):
    """A file that comes with an act: its bytes in base64."""

    slot: str = Field(max_length=60)
    name: str = Field(max_length=300)
    content: str


class Recorded(BaseModel):
    """The receipt of an act: where it stands on the trail, with a signed checkpoint that includes it."""

    position: int
    at: str
    leaf: str
    size: int
    root: str
    note: str
    case: str | None
    version: int | None
    state: str | None
    repeated: bool


def recorded(receipt: Receipt) -> Recorded:
    return Recorded(
        position=receipt.position, at=stamp(receipt.at), leaf=receipt.leaf, size=receipt.size, root=receipt.root, note=receipt.note,
        case=receipt.case, version=receipt.version, state=receipt.state, repeated=receipt.repeated,
    )  # fmt: skip


def language_of(request: Request) -> str:
    """The language a program asks for, English when it asks for none we speak."""
    return spoken(request.headers.get("accept-language", ""), "en")


def plain(value: Any) -> Any:
    """Any value in the few types JSON has: instants and dates ISO 8601, amounts decimal strings."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, Decimal):
        return format(value, "f")
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _is_writable(value: Any, depth: int = 0) -> bool:
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= mark <= "\udfff" for mark in value)
    if isinstance(value, (dict, list)) and depth > 20:
        return False
    if isinstance(value, dict):
        return all(_is_writable(one, depth + 1) for pair in value.items() for one in pair)
    return all(_is_writable(one, depth + 1) for one in value) if isinstance(value, list) else True
