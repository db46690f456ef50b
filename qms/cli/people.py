"""``qms people``: persons, organisations, hats, passwords and tokens."""

from datetime import UTC, datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from qms.cli import pages
from qms.cli.answers import facts, table
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.cli.mistakes import reason_as_json
from qms.desk import staff
from qms.errors import NotPermitted, Reason, Refused
from qms.formats import moments
from qms.formats.values import BadValue
from qms.people import directory, sign_in, tokens
from qms.people.actor import Actor
from qms.people.directory import Person
from qms.workflows import reassigning
from qms.workflows.reassigning import Task

group = pages.section("cli.people")

Who = Annotated[str, typer.Argument(help="cli.argument.person", metavar="cli.shape.person")]
Hat = Annotated[str, typer.Argument(help="cli.argument.hat", metavar="cli.shape.hat")]
Where = Annotated[str, typer.Argument(help="cli.argument.organisation", metavar="cli.shape.organisation")]
MANY = 100_000


@group.verb("add", "cli.people.add")
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="cli.argument.name", metavar="cli.shape.name")],
    email: Annotated[str, typer.Argument(help="cli.argument.email", metavar="cli.shape.email")],
    kind: Annotated[str, typer.Option("--kind", help="cli.option.kind", metavar="cli.shape.kind")] = "staff",
    hat: Annotated[list[str] | None, typer.Option("--hat", help="cli.option.hat", metavar="cli.shape.hat_at")] = None,
    expires: Annotated[str | None, typer.Option("--expires", help="cli.option.expires", metavar="cli.shape.moment")] = None,
    speaks: Annotated[str | None, typer.Option("--speaks", help="cli.option.person_language", metavar="it|en")] = None,
) -> None:
    call: Call = ctx.obj
    by = call.who()
    hats = [_hat_at(word) for word in hat or ()]
    ends = _end_of_day(call, expires)
    password = call.new_password()
    with call.app.writing() as tx:
        made = staff.add_person(tx, by, name, email, kind, speaks or call.app.settings.language, ends)
        staff.set_password(tx, by, made.id, password)
        for worn, organisation in hats:
            staff.grant(tx, by, call.app.hats, made.id, worn, organisation)
    answer_person(call, made.id)


@group.verb("list", "cli.people.list")
def show_all(ctx: typer.Context) -> None:
    call: Call = ctx.obj
    by = call.who()
    _require_staff(by.kind)
    with call.app.reading() as connection:
        found = directory.persons(connection, limit=MANY)
    keeper = staff.may_keep(by)
    heads = [call.say(f"cli.head.{name}") for name in ("person", "name", "email", "kind", "hats", "ends")]
    rows = [
        (one.id, one.name, one.email if keeper else "–", call.say(f"cli.kind.{one.kind}"), worn(one), _ends(call, one)) for one in found
    ]
    call.answer({"people": [as_answer(one, keeper) for one in found]}, table(heads, rows))


@group.verb("grant", "cli.people.grant")
def grant(ctx: typer.Context, person: Who, hat: Hat, organisation: Where) -> None:
    call: Call = ctx.obj
    by = call.who()
    with call.app.writing() as tx:
        whom = person_named(tx.connection, person)
        staff.grant(tx, by, call.app.hats, whom.id, hat, organisation)
    answer_person(call, whom.id)


@group.verb("revoke", "cli.people.revoke")
def revoke(ctx: typer.Context, person: Who, hat: Hat, organisation: Where) -> None:
    call: Call = ctx.obj
    by = call.who()
    with call.app.writing() as tx:
        whom = person_named(tx.connection, person)
        staff.revoke(tx, by, whom.id, hat, organisation)
    answer_person(call, whom.id)


@group.verb("roles", "cli.people.roles")
def show_roles(ctx: typer.Context) -> None:
    call: Call = ctx.obj
    _require_staff(call.who().kind)
    hats = call.app.hats
    heads = [call.say(f"cli.head.{name}") for name in ("hat", "title", "kind", "roles")]
    rows = [(hat.id, call.shown(hat.title), call.say(f"cli.kind.{hat.kind}"), ", ".join(hat.roles)) for hat in hats.hats.values()]
    codes = table(
        [call.say(f"cli.head.{name}") for name in ("role_code", "title")], [(code, call.shown(hats.roles[code])) for code in hats.roles]
    )
    call.answer({"hats": hats.hats.values(), "roles": hats.roles}, table(heads, rows), "", call.say("cli.people.role_codes"), codes)


@group.verb("disable", "cli.people.disable")
def disable(ctx: typer.Context, person: Who) -> None:
    call: Call = ctx.obj
    by = call.who()
    with call.app.writing() as tx:
        whom = person_named(tx.connection, person)
        staff.disable(tx, by, whom.id)
    answer_person(call, whom.id)


@group.verb("password", "cli.people.password")
def set_password(
    ctx: typer.Context, person: Annotated[str | None, typer.Argument(help="cli.argument.person", metavar="cli.shape.person")] = None
) -> None:
    call: Call = ctx.obj
    by = call.who()
    if person is None:
        call.prove(by)
    password = call.new_password()
    with call.app.writing() as tx:
        whom = by.person if person is None else person_named(tx.connection, person).id
        staff.set_password(tx, by, whom, password)
    answer_person(call, whom)


@group.verb("organisations", "cli.people.organisations")
def show_organisations(ctx: typer.Context) -> None:
    call: Call = ctx.obj
    _require_staff(call.who().kind)
    with call.app.reading() as connection:
        found = directory.organisations(connection)
    heads = [call.say(f"cli.head.{name}") for name in ("organisation", "name", "kind", "tax_code")]
    rows = [(one.id, one.name, call.say(f"cli.organisation.{one.kind}"), one.tax_code or "–") for one in found]
    call.answer({"organisations": found}, table(heads, rows))


@group.verb("organisation-add", "cli.people.organisation_add")
def add_organisation(
    ctx: typer.Context,
    organisation: Where,
    name: Annotated[str, typer.Argument(help="cli.argument.organisation_name", metavar="cli.shape.name")],
    kind: Annotated[str, typer.Option("--kind", help="cli.option.organisation_kind", metavar="cli.shape.kind")],
    tax_code: Annotated[str | None, typer.Option("--tax-code", help="cli.option.tax_code", metavar="cli.shape.value")] = None,
) -> None:
    call: Call = ctx.obj
    by = call.who()
    with call.app.writing() as tx:
        made = staff.add_organisation(tx, by, organisation, name, kind, tax_code)
    call.answer(made, facts([(made.id, made.name)]))


@group.verb("token", "cli.people.token")
def issue_token(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="cli.argument.email", metavar="cli.shape.email")],
    label: Annotated[str, typer.Option("--label", help="cli.option.label", metavar="cli.shape.text")] = "qms",
    days: Annotated[int, typer.Option("--days", help="cli.option.days", metavar="N", min=1, max=366)] = 90,
) -> None:
    call: Call = ctx.obj
    app = call.app
    session = sign_in.sign_in(app.database, email, call.password("cli.ask.own_password"))
    with app.writing() as tx:
        by = directory.actor(tx.connection, session.person, app.hats, "cli")
        text, token = staff.issue_token(tx, by, label, days)
        sign_in.sign_out(tx, session.cookie)
    rows = [
        (call.say("cli.head.token"), text),
        (call.say("cli.head.id"), token.id),
        (call.say("cli.head.ends"), call.shown(token.expires_at)),
    ]
    call.answer({"token": text, "id": token.id, "expires_at": token.expires_at}, facts(rows), call.say("cli.people.token_once"))


@group.verb("tokens", "cli.people.tokens")
def show_tokens(ctx: typer.Context) -> None:
    call: Call = ctx.obj
    by = call.who()
    with call.app.reading() as connection:
        found = tokens.of(connection, by.person)
    heads = [call.say(f"cli.head.{name}") for name in ("id", "label", "created", "ends", "revoked")]
    rows = [(one.id, one.label, *map(call.shown, (one.created_at, one.expires_at, one.revoked_at))) for one in found]
    call.answer({"tokens": found}, table(heads, rows))


@group.verb("token-revoke", "cli.people.token_revoke")
def revoke_token(
    ctx: typer.Context,
    token: Annotated[str, typer.Argument(help="cli.argument.token", metavar="cli.shape.token")],
    person: Annotated[str | None, typer.Option("--person", help="cli.argument.person", metavar="cli.shape.person")] = None,
) -> None:
    call: Call = ctx.obj
    by = call.who()
    with call.app.writing() as tx:
        whom = person_named(tx.connection, person).id if person else None
        staff.revoke_token(tx, by, token, whom)
    call.answer({"revoked": token}, call.say("cli.people.token_revoked", token=token))


@group.verb("reassign", "cli.people.reassign")
def reassign(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(help="cli.argument.leaver", metavar="cli.shape.person")],
    new: Annotated[str, typer.Argument(help="cli.argument.successor", metavar="cli.shape.person")],
    reason: Annotated[str, typer.Option("--reason", help="cli.option.reassign_reason", metavar="cli.shape.text")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="cli.option.reassign_dry_run")] = False,
) -> None:
    """Each case in a transaction of its own; one that cannot be given does not keep the others. The reason is on every one of them."""
    call: Call = ctx.obj
    app, by = call.app, call.who()
    with app.reading() as connection:
        leaver, successor = (person_named(connection, one).id for one in (old, new))
    done: list[Task] = []
    refused: dict[str, Refused] = {}
    with call.progress(call.say("cli.workflow.migrating")) as advance:
        while found := _tasks(call, leaver, by, done[-1].number if done else ""):
            for one in found:
                try:
                    if not dry_run:
                        with app.writing() as tx:
                            key = f"reassign:{one.number}:{leaver}:{successor}:{tx.now.isoformat()}"
                            reassigning.reassign(tx, app.engine, one.number, leaver, successor, by, reason=reason, key=key)
                except Refused as error:
                    refused[one.number] = error
                done.append(one)
                advance(len(done))
    if refused and len(refused) == len(done):
        raise next(iter(refused.values()))
    for attempt in refused.values():
        if isinstance(attempt, NotPermitted):
            call.record_attempt("qms people reassign", attempt)
    stays = {number: [reason_as_json(call.language, one) for one in error.reasons] for number, error in refused.items()}
    told = [{**vars(one), "obstacles": stays.get(one.number, [])} for one in done]
    rows = [
        (one.number, one.title, " ".join(each["sentence"] for each in stays.get(one.number, [])) or ", ".join(one.fields)) for one in done
    ]
    heads = [call.say(f"cli.head.{name}") for name in ("number", "title", "fields")]
    tail = call.say("cli.people.would_reassign" if dry_run else "cli.people.reassigned", all=str(len(done) - len(refused)))
    call.answer({"dry_run": dry_run, "cases": told}, *([table(heads, rows)] if rows else []), tail)
    raise typer.Exit(1 if refused else 0)


def _tasks(call: Call, person: str, by: Actor, after: str) -> list[Task]:
    with call.app.reading() as connection:
        return reassigning.tasks(connection, call.app.engine, person, by, after)


def person_named(connection: Any, name: str) -> Person:
    """The person of an id or an e-mail address. Raises NotFound."""
    if "@" not in name:
        return directory.person(connection, name)
    found = [one for one in directory.persons(connection, limit=MANY) if one.email == name.strip().lower()]
    return found[0] if found else directory.person(connection, name)


def answer_person(call: Call, person: str) -> None:
    with call.app.reading() as connection:
        one = directory.person(connection, person)
    rows = [(one.id, one.name), (call.say("cli.head.email"), one.email), (call.say("cli.head.hats"), worn(one))]
    call.answer(as_answer(one, True), facts([*rows, (call.say("cli.head.ends"), _ends(call, one))]))


def as_answer(one: Person, with_email: bool) -> dict[str, Any]:
    told = {**vars(one), "hats": [{"hat": hat, "organisation": organisation} for hat, organisation in one.hats]}
    return told if with_email else {name: value for name, value in told.items() if name != "email"}


def worn(one: Person) -> str:
    return ", ".join(f"{hat}@{organisation}" for hat, organisation in one.hats) or "–"


def _ends(call: Call, one: Person) -> str:
    return call.shown(one.disabled_at or one.expires_at)


def _hat_at(word: str) -> tuple[str, str]:
    hat, at, organisation = word.partition("@")
    if not at or not hat or not organisation:
        raise WrongUse("cli.use.hat", value=word)
    return hat, organisation


def _end_of_day(call: Call, written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        day = moments.parse_date(written)
    except BadValue as error:
        raise WrongUse("cli.use.date", value=written) from error
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(call.app.settings.timezone)).astimezone(UTC)


def _require_staff(kind: str) -> None:
    if kind not in ("staff", "admin", "auditor"):
        raise NotPermitted([Reason("ROLE:WORKER")])
