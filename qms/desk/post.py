"""Sending messages through the organisation's own mail server (SMTP with TLS)."""

import hashlib
import logging
import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from qms.database import Database
from qms.desk import messages
from qms.desk.messages import Message
from qms.settings import Mail, Settings

PATIENCE = 20.0
AT_ONCE = 20
_log = logging.getLogger(__name__)


def deliver(database: Database, settings: Settings) -> int:
    """Send what waits; returns how many went out. A server that does not answer costs one try: the others wait for the next time."""
    if settings.mail is None:
        return 0
    sent, answers = 0, True
    while answers and sent < AT_ONCE:
        with messages.claimed(database) as found:
            if found is None:
                return sent
            try:
                with _server(settings.mail) as server:
                    server.send_message(_letter(settings.mail, *found))
            except (smtplib.SMTPException, OSError) as error:
                answers = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError)  # this letter's fault, not the server's
                _log.warning("mail is not sent: %s", type(error).__name__)
                raise OSError(str(error)) from error
            sent += 1
    return sent


@contextmanager
def _server(mail: Mail) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    made: smtplib.SMTP
    if mail.security == "tls":
        made = smtplib.SMTP_SSL(mail.host, mail.port, timeout=PATIENCE, context=context)
    else:
        made = smtplib.SMTP(mail.host, mail.port, timeout=PATIENCE)
    with made as server:
        if mail.security == "starttls":
            server.starttls(context=context)
        if mail.user:
            server.login(mail.user, password())
        yield server


def password() -> str:
    """The mail server's password, from the environment or from the file that it names: never from the workspace."""
    file = os.environ.get("QMS_SMTP_PASSWORD_FILE")
    return Path(file).read_text(encoding="utf-8").strip() if file else os.environ.get("QMS_SMTP_PASSWORD", "")


def _letter(mail: Mail, one: Message, address: str) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = one.subject
    letter["From"] = mail.sender
    letter["To"] = address
    letter["Date"] = format_datetime(one.made_at)
    letter["Message-ID"] = f"<{hashlib.sha256(one.key.encode()).hexdigest()[:40]}@{mail.sender.rpartition('@')[2].strip('>')}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(one.body)
    return letter
