"""Send over SMTP, and know at each step whether anything can have left.

Before the final dot nothing is taken: any failure is a *no*. After it only the server's answer tells; a connection that
ends there is *unknown*. One connection a call; a broken one is opened again for the next message.
"""

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from email.charset import QP, Charset
from email.utils import formataddr
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from messaging.channels import Answer, Call, Parcel, Result, Sender
from messaging.compose.rendering import fill
from prm import clock

DOT = b"\r\n.\r\n"
LEADING_DOT = re.compile(rb"(?m)^\.")  # doubled on the wire (RFC 5321 §4.5.2)


ASCII_ONLY = Charset("utf-8")
ASCII_ONLY.body_encoding = QP  # not every server takes 8-bit text


class _Refused(Exception):
    """The server said no to the connection or the sign-in: nothing of this call can leave."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.code)


def send(call: Call) -> Mapping[UUID, Answer]:
    """One answer a message."""
    answers: dict[UUID, Answer] = {}
    with contextlib.ExitStack() as open_things:
        server: smtplib.SMTP | None = None
        for parcel in call.parcels:
            try:
                server = server or open_things.enter_context(_connected(call.sender))
            except _Refused as refused:
                answers[parcel.message_id] = refused.answer
                continue
            answers[parcel.message_id] = _send_one(server, call.sender, parcel)
            if answers[parcel.message_id].breaker or answers[parcel.message_id].result == Result.UNKNOWN:
                server = None
    return answers


@contextlib.contextmanager
def _connected(sender: Sender) -> Iterator[smtplib.SMTP]:
    """A connection that has said hello, encrypted and signed in as the settings say. _Refused."""
    options = sender.options
    host, port = str(options["host"]), int(options["port"])
    context = ssl.create_default_context()
    try:
        if options.get("security") == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=settings.HTTP_CONNECT_TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=settings.HTTP_CONNECT_TIMEOUT)
        if server.sock is not None:
            server.sock.settimeout(settings.HTTP_READ_TIMEOUT)
        server.ehlo_or_helo_if_needed()
        if options.get("security") == "starttls":
            server.starttls(context=context)
            server.ehlo()
        if options.get("user"):
            server.login(str(options["user"]), sender.credentials.get("password", ""))
    except smtplib.SMTPAuthenticationError as problem:
        raise _Refused(Answer(Result.NO, code=f"smtp_{problem.smtp_code}", pause=True)) from None
    except smtplib.SMTPResponseException as problem:
        raise _Refused(Answer(Result.NO, code=f"smtp_{problem.smtp_code}", breaker=True)) from None
    except (smtplib.SMTPException, OSError) as problem:
        raise _Refused(Answer(Result.NO, code=_name(problem), breaker=True)) from None
    try:
        yield server
    finally:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()


def _send_one(server: smtplib.SMTP, sender: Sender, parcel: Parcel) -> Answer:
    """MAIL, RCPT, DATA, the text, the dot, the answer."""
    content = mime(sender, parcel)
    try:
        steps = (
            lambda: server.mail(sender.address),
            lambda: server.rcpt(parcel.address),
            lambda: server.docmd("DATA"),
        )
        for step in steps:
            code, words = step()
            if code >= 400 or code < 200:
                server.rset()
                return _refusal(code, words)
    except (smtplib.SMTPException, OSError) as problem:
        return Answer(Result.NO, code=_name(problem), breaker=True)
    try:
        server.send(LEADING_DOT.sub(b"..", content))
    except (smtplib.SMTPException, OSError) as problem:
        return Answer(Result.NO, code=_name(problem), breaker=True)
    try:
        server.send(DOT)
        code, words = server.getreply()
    except (smtplib.SMTPException, OSError) as problem:
        return Answer(Result.UNKNOWN, code=_name(problem))
    if code == 250:
        return Answer(Result.YES, http=code, provider_id=_without_addresses(words)[:120])
    return _refusal(code, words)


def _refusal(code: int, words: bytes) -> Answer:
    """4yz is tried again; 5yz is final, 5.1.x means the address."""
    text = _without_addresses(words)
    if code < 500:
        return Answer(Result.NO, http=code, code=f"smtp_{code}", text=text)
    kind = "hard_bounce" if text.startswith("5.1.") else ""
    return Answer(Result.NEVER, http=code, code=f"smtp_{code}", text=text, suppress=kind)


def mime(sender: Sender, parcel: Parcel) -> bytes:
    """The message as it goes over the wire: ASCII, both parts, our id as its Message-ID."""
    message = EmailMultiAlternatives(
        subject=fill(parcel.subject, parcel.tags),
        body=fill(parcel.text, parcel.tags),
        from_email=formataddr((sender.name, sender.address)),
        to=[parcel.address],
        reply_to=[sender.reply_to] if sender.reply_to else None,
        headers={
            "Message-ID": f"<{parcel.message_id}@{sender.address.rpartition('@')[2]}>",
            "X-PRM-Id": str(parcel.message_id),
            **parcel.headers,
        },
    )
    message.encoding = ASCII_ONLY
    if parcel.html:
        message.attach_alternative(fill(parcel.html, parcel.tags), "text/html")
    built = message.message()
    built["Date"] = built["Date"] or clock.now().strftime("%a, %d %b %Y %H:%M:%S +0000")
    return built.as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's SafeMIME has it


def _without_addresses(words: bytes) -> str:
    """The server's words, its addresses left out: they are shown to staff and kept."""
    return " ".join(part for part in words.decode("utf-8", "replace").split() if "@" not in part)


def _name(problem: Exception) -> str:
    if isinstance(problem, socket.gaierror):
        return "name_not_found"
    return type(problem).__name__
