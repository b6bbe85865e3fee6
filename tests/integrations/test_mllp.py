"""The listener, spoken to over sockets: what is stored, what is answered, who is let in."""

import asyncio
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import hl7.client
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import OperationalError

from integrations import feeds, pressure
from integrations.hl7v2 import connection, intake, listener
from integrations.hl7v2.frames import framed
from integrations.hl7v2.intake import NotStored
from integrations.hl7v2.listener import Listener, Setup
from integrations.hl7v2.message import MAX_BYTES
from integrations.kinds import KINDS
from integrations.models import Feed, RawMessage, RawMessageBody
from prm.dev import processes
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.integrations.messages import FIRST, Emr, history
from tests.simulators.mllp import Sender, fields

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def listening(setup=None, **options):
    """A listener in a thread of its own, its ports open; ended as SIGTERM would."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    one = None
    ready = threading.Event()

    async def run():
        nonlocal one
        one = Listener(setup or Setup(refresh=0.2), **options)
        await one.refresh()
        ready.set()
        await one.run(stop)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield one
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()
        loop.close()


def feed_with(practice, chosen=None, name="EMR", addresses="127.0.0.1"):
    """A feed with a port of its own that this machine may use."""
    port = processes.free_port(0)
    with use_practice(practice.pk):
        feed = Feed.objects.create(
            name=name, kind="hl7v2", time_zone="America/New_York",
            settings={"mllp_port": port, "mllp_addresses": addresses.split(","), **(chosen or {})},
        )  # fmt: skip
    return feed, port


def until(condition, what):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def stored(practice):
    """(state, code) of what is in the database, oldest first."""
    with use_practice(practice.pk):
        return list(RawMessage.objects.order_by("received_at", "pk").values_list("state", "code"))


def bodies(practice):
    with use_practice(practice.pk):
        opened = {body.pk: body.open() for body in RawMessageBody.objects.all()}
        return [opened[pk] for pk in RawMessage.objects.order_by("received_at", "pk").values_list("pk", flat=True)]


@pytest.fixture
def house():
    return PracticeFactory()


EMR = Emr()
GOOD = EMR.register(FIRST)


def test_a_history_sent_message_by_message_is_stored_once_each_and_acknowledged_in_order(house):
    _feed, port = feed_with(house)
    messages = history(FIRST)
    with listening(), Sender(port) as sender:
        answers = [sender.ask(message) for message in messages]
        again = sender.ask(messages[0])  # its ACK was lost, so it says

    assert [fields(one, "MSA", 1, 2) for one in answers] == [["AA", str(n)] for n in range(1, len(messages) + 1)]
    assert fields(again, "MSA", 1, 2) == ["AA", "1"]
    assert bodies(house) == messages
    assert stored(house) == [("stored", "")] * len(messages)


def test_python_hl7s_own_client_and_mllp_send_talk_to_it(house, tmp_path, monkeypatch, capsysbinary):
    _feed, port = feed_with(house)
    file = tmp_path / "messages.hl7"
    file.write_bytes(b"".join(framed(message) for message in history(FIRST)))
    with listening():
        with hl7.client.MLLPClient("127.0.0.1", port) as client:
            answer = hl7.parse(client.send_message(hl7.parse(GOOD.decode())).strip(b"\x0b\x1c\r").decode())
        monkeypatch.setattr("sys.argv", ["mllp_send", "--port", str(port), "--file", str(file), "127.0.0.1"])
        hl7.client.mllp_send()

    assert (str(answer.segment("MSA")[1]), str(answer.segment("MSA")[2])) == (
        "AA",
        str(hl7.parse(GOOD.decode())["MSH.F10"]),
    )
    assert capsysbinary.readouterr().out.count(b"MSA|AA|") == len(history(FIRST))
    assert {state for state, _code in stored(house)} == {"stored"}


def test_many_in_one_packet_and_one_in_many_are_each_answered_once_and_in_order(house):
    _feed, port = feed_with(house)
    emr = Emr()
    messages = [emr.register(FIRST + timedelta(minutes=n)) for n in range(30)]
    raw = b"noise".join(framed(message) for message in messages)
    with listening(), Sender(port) as sender:
        sender.send(raw[:7])
        time.sleep(0.05)
        sender.send(raw[7:200])
        time.sleep(0.05)
        sender.send(raw[200:])
        answers = [sender.answer() for _message in messages]

    assert [fields(one, "MSA", 2) for one in answers] == [str(n) for n in range(1, 31)]
    assert len(bodies(house)) == 30


def test_what_waits_while_a_commit_runs_goes_into_the_next_one_together(house):
    _feed, port = feed_with(house)
    groups, go_on = [], threading.Event()

    def held(practice_id, arrivals):
        groups.append(len(arrivals))
        assert go_on.wait(30)
        return intake.store(practice_id, arrivals)

    emr = Emr()
    messages = [emr.register(FIRST + timedelta(minutes=n)) for n in range(21)]
    with listening(store=held) as one, Sender(port) as sender:
        sender.send(framed(messages[0]))
        until(lambda: groups == [1], "the first is being stored")
        sender.send(b"".join(framed(message) for message in messages[1:]))
        until(lambda: [len(lane.waiting) for lane in one.lanes.values()] == [20], "the others wait")
        go_on.set()
        assert [fields(sender.answer(), "MSA", 1) for _one in messages] == ["AA"] * 21

    assert groups == [1, 20]


def test_content_that_nobody_can_use_is_acknowledged_and_a_dead_letter_of_ours(house):
    _feed, port = feed_with(house)
    nameless = GOOD.replace(b"PID|", b"ZZ1|")
    with listening(), Sender(port) as sender:
        assert fields(sender.ask(nameless), "MSA", 1) == "AA"

    assert bodies(house) == [nameless]


def test_a_strict_feed_is_told_ae_and_the_message_is_kept_all_the_same(house):
    _feed, port = feed_with(house, {"strict": True})
    nameless = GOOD.replace(b"PID|", b"ZZ1|")
    with listening(), Sender(port) as sender:
        answer = sender.ask(nameless)
        assert fields(sender.ask(GOOD), "MSA", 1) == "AA"

    assert (fields(answer, "MSA", 1), *fields(answer, "ERR", 2, 3, 5)) == (
        "AE", "PID^1", "101^Required field missing^HL70357", "patient_missing",
    )  # fmt: skip
    assert bodies(house) == [nameless, GOOD]


def test_what_is_refused_is_not_stored_and_the_next_message_is_taken(house):
    _feed, port = feed_with(house)
    with listening(), Sender(port) as sender:
        refused = [
            sender.ask(b"PID|1||9\r"), sender.ask(b"ZZZ|1\r" + GOOD),
            sender.ask(GOOD.replace(b"|P|2.5.1", b"|T|2.5.1")), sender.ask(GOOD.replace(b"^~\\&", b"")),
        ]  # fmt: skip
        assert [fields(one, "MSA", 1) for one in refused] == ["AR"] * 4
        assert fields(sender.ask(GOOD), "MSA", 1) == "AA"

    assert bodies(house) == [GOOD]


def test_of_a_message_over_4_mb_size_and_hash_stay_on_the_dead_letters(house):
    _feed, port = feed_with(house)
    large = GOOD + b"NTE|1||" + b"x" * MAX_BYTES + b"\r"
    with listening(), Sender(port) as sender:
        answer = sender.ask(large)
        sender.ask(large)

    assert (fields(answer, "MSA", 1), fields(answer, "ERR", 3)[:3]) == ("AR", "207")
    assert stored(house) == [("dead", "too_large")]
    with use_practice(house.pk):
        one = RawMessage.objects.get()
    assert (one.size, len(one.dedupe_key)) == (len(large), 64)


def test_an_acknowledgement_that_arrives_is_never_answered(house):
    _feed, port = feed_with(house)
    with listening(), Sender(port) as sender:
        sender.send(framed(GOOD.replace(b"ADT^A04", b"ACK^A04")))
        assert fields(sender.ask(GOOD), "MSA", 1) == "AA"

    assert len(bodies(house)) == 2


def test_a_batch_in_one_frame_is_answered_message_by_message_and_a_header_inside_kills_one(house):
    _feed, port = feed_with(house)
    emr = Emr()
    one, two = emr.register(FIRST), emr.register(FIRST + timedelta(minutes=1))
    batch = b"FHS|^~\\&\rBHS|^~\\&\r" + one + two + b"BTS|2\rFTS|1\r"
    torn = emr.register(FIRST).replace(b"\rPV1", b"\rBHS|^~\\&\rPV1")
    with listening(), Sender(port) as sender:
        sender.send(framed(batch))
        assert [fields(sender.answer(), "MSA", 1, 2) for _message in (one, two)] == [["AA", "1"], ["AA", "2"]]
        assert fields(sender.ask(torn), "MSA", 1) == "AA"

    assert stored(house) == [("stored", ""), ("stored", ""), ("dead", "batch_broken")]


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"GET / HTTP/1.1\r\nHost: prm\r\n\r\n", "http_request"), (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "tls_hello")],
)
def test_another_protocol_on_the_port_is_closed_without_an_answer_and_counted(house, raw, code):
    _feed, port = feed_with(house)
    before = connection.REFUSED.labels(code)._value.get()
    with listening(), Sender(port) as sender:
        sender.send(raw)
        assert sender.answer() is None

    assert connection.REFUSED.labels(code)._value.get() == before + 1
    assert stored(house) == []


def test_a_frame_that_is_cut_off_is_not_stored_not_answered_and_counted(house):
    _feed, port = feed_with(house)
    before = connection.REFUSED.labels("truncated")._value.get()
    with listening():
        with Sender(port) as sender:
            assert fields(sender.ask(GOOD), "MSA", 1) == "AA"
            sender.send(framed(EMR.register(FIRST))[:-40])
        until(lambda: connection.REFUSED.labels("truncated")._value.get() == before + 1, "the cut is counted")

    assert bodies(house) == [GOOD]


def test_half_a_frame_closes_after_its_time_and_an_idle_connection_stays_open(house, monkeypatch):
    _feed, port = feed_with(house)
    monkeypatch.setattr(listener, "HALF_FRAME", 0.3)
    with listening(), Sender(port) as idle, Sender(port) as half:
        idle.ask(GOOD)
        half.send(framed(GOOD)[:-5])
        assert half.answer() is None
        time.sleep(0.5)
        assert fields(idle.ask(GOOD), "MSA", 1) == "AA"


def test_with_the_database_down_nothing_is_answered_and_the_connection_is_closed(house, monkeypatch):
    _feed, port = feed_with(house)
    with listening(), Sender(port) as sender:
        assert fields(sender.ask(GOOD), "MSA", 1) == "AA"

        def gone(*_given, **_named):
            raise OperationalError("connection refused")

        with monkeypatch.context() as broken:
            broken.setattr(intake, "_store", gone)
            assert sender.ask(EMR.register(FIRST)) is None
        with Sender(port) as again:
            assert fields(again.ask(EMR.register(FIRST)), "MSA", 1) == "AA"

    assert len(bodies(house)) == 2


def test_a_database_connection_that_died_is_replaced_before_a_sender_notices(house):
    _feed, port = feed_with(house)
    calls = []

    def store(practice_id, arrivals):
        from django.db import connection as own  # noqa: PLC0415  (this thread's)

        if calls:
            with own.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                calls.append(cursor.fetchone()[0])
            own.connection.close()  # as a restarted server leaves it
        calls.append(None)
        return intake.store(practice_id, arrivals)

    with listening(store=store), Sender(port) as sender:
        assert [fields(sender.ask(message), "MSA", 1) for message in history(FIRST)[:3]] == ["AA"] * 3

    assert len(bodies(house)) == 3


def test_one_message_that_cannot_be_stored_keeps_back_no_other(house, monkeypatch):
    feed, _port = feed_with(house)
    whole = intake.receive.store

    def picky(of, messages, **named):
        if any(b"poison" in piece.data for _ref, piece in messages):
            raise intake.DatabaseError("no such encoding")
        return whole(of, messages, **named)

    monkeypatch.setattr(intake.receive, "store", picky)
    emr = Emr()
    sent = [emr.register(FIRST), emr.register(FIRST, "ZZ1|poison"), emr.register(FIRST)]
    told = intake.store(house.pk, [intake.Arrival(feed.pk, intake.Piece(raw)) for raw in sent])

    assert [isinstance(one, NotStored) for one in told] == [False, True, False]
    assert bodies(house) == [sent[0], sent[2]]


def test_a_message_for_a_full_practice_waits_in_the_socket_until_there_is_room(house, monkeypatch):
    _feed, port = feed_with(house)
    monkeypatch.setattr(pressure, "BACKLOG", 1)
    emr = Emr()
    with listening() as one:
        with Sender(port) as sender:
            assert fields(sender.ask(emr.register(FIRST)), "MSA", 1) == "AA"
            assert fields(sender.ask(emr.register(FIRST)), "MSA", 1) == "AA"
            until(lambda: one.full, "the backlog is seen")
        with Sender(port) as sender:
            sender.send(framed(emr.register(FIRST)))
            time.sleep(0.5)
            assert len(stored(house)) == 2
            with use_practice(house.pk):
                RawMessage.objects.update(state="applied")
            assert fields(sender.answer(), "MSA", 1) == "AA"

    assert len(stored(house)) == 3


def test_each_feed_has_its_own_port_and_addresses_and_a_stranger_is_closed_out(house):
    other = PracticeFactory()
    _mine, port = feed_with(house)
    _theirs, their_port = feed_with(other)
    _far, far_port = feed_with(other, name="Far", addresses="10.1.2.3,192.0.2.0/24")
    with listening():
        with Sender(port) as sender:
            sender.ask(GOOD)
        with Sender(their_port) as sender:
            sender.ask(EMR.register(FIRST))
            sender.ask(EMR.register(FIRST))
        with Sender(far_port) as sender:
            assert sender.ask(GOOD) is None

    assert (len(stored(house)), len(stored(other))) == (1, 2)


def test_a_feed_that_is_added_or_closed_while_it_runs_is_noticed(house):
    feed, port = feed_with(house)
    with listening():
        with Sender(port) as sender:
            sender.ask(GOOD)
            with use_practice(house.pk):
                Feed.objects.filter(pk=feed.pk).update(settings={"mllp_port": port, "mllp_addresses": ["10.0.0.1"]})
            assert sender.answer() is None  # it is let in no more
        later, later_port = feed_with(house, name="Later")

        def open_now():
            try:
                with Sender(later_port) as sender:
                    return sender.ask(EMR.register(FIRST)) is not None
            except ConnectionRefusedError:
                return False

        until(open_now, "the new feed's port opens")

    with use_practice(house.pk):
        assert Counter(RawMessage.objects.values_list("feed_id", flat=True)) == {feed.pk: 1, later.pk: 1}


def test_the_listener_ends_after_what_was_complete_is_stored_and_answered(house):
    _feed, port = feed_with(house)

    def slow(practice_id, arrivals):
        time.sleep(0.5)
        return intake.store(practice_id, arrivals)

    with listening(store=slow) as one:
        sender = Sender(port)
        sender.send(framed(GOOD))
        until(lambda: any(lane.storing for lane in one.lanes.values()), "it is being stored")

    assert fields(sender.answer(), "MSA", 1) == "AA"
    assert sender.answer() is None
    sender.socket.close()
    assert bodies(house) == [GOOD]


def test_the_program_listens_and_ends_on_sigterm(house):
    _feed, port = feed_with(house)
    program = subprocess.Popen([sys.executable, "manage.py", "mllp"], cwd=settings.BASE_DIR, stderr=subprocess.DEVNULL)
    try:
        until(lambda: not processes.port_is_free(port, "127.0.0.1"), "its port opens")
        with Sender(port) as sender:
            assert fields(sender.ask(GOOD), "MSA", 1) == "AA"
            program.send_signal(signal.SIGTERM)
            assert sender.answer() is None
        assert program.wait(30) == 0
    finally:
        program.kill()
        program.wait()

    assert bodies(house) == [GOOD]


def certificate_of(name, folder):
    """A self-signed certificate: (PEM text, its file, its key's file)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, file, key_file = made.public_bytes(serialization.Encoding.PEM), folder / f"{name}.pem", folder / f"{name}.key"
    file.write_bytes(pem)
    key_file.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    return pem.decode(), str(file), str(key_file)


def client_context(server, certificate=None, key=None):
    context = ssl.create_default_context(cafile=server)
    context.check_hostname = False
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def test_on_the_shared_port_the_clients_certificate_tells_the_feed_and_a_stranger_gets_nothing(house, tmp_path):
    other = PracticeFactory()
    _pem, server, server_key = certificate_of("server", tmp_path)
    ours, our_file, our_key = certificate_of("ours", tmp_path)
    theirs, their_file, their_key = certificate_of("theirs", tmp_path)
    _pem, strange_file, strange_key = certificate_of("strange", tmp_path)
    for practice, pem in ((house, ours), (other, theirs)):
        with use_practice(practice.pk):
            feeds.add_feed(practice, name="EMR", kind="hl7v2", chosen={"mllp_certificate": pem})
    port = processes.free_port(0)
    with listening(Setup(tls_port=port, certificate=server, key=server_key, refresh=0.2)):
        with Sender(port, context=client_context(server, our_file, our_key)) as sender:
            assert fields(sender.ask(GOOD), "MSA", 1) == "AA"
        with Sender(port, context=client_context(server, their_file, their_key)) as sender:
            sender.ask(EMR.register(FIRST))
            sender.ask(EMR.register(FIRST))
        for context in (client_context(server, strange_file, strange_key), client_context(server)):
            with pytest.raises((ssl.SSLError, ConnectionError)), Sender(port, context=context) as sender:  # noqa: PT012  (either side may notice)
                sender.send(framed(GOOD))
                if sender.answer() is None:
                    raise ConnectionResetError

    assert (len(stored(house)), len(stored(other))) == (1, 2)


def test_a_feeds_own_port_speaks_tls_where_the_feed_says_so(house, tmp_path):
    _pem, server, server_key = certificate_of("server", tmp_path)
    _feed, port = feed_with(house, {"mllp_tls": True})
    setup = Setup(certificate=server, key=server_key, refresh=0.2)
    with listening(setup), Sender(port, context=client_context(server)) as sender:
        assert fields(sender.ask(GOOD), "MSA", 1) == "AA"
    assert len(stored(house)) == 1


def test_a_door_that_another_feed_has_or_that_nobody_may_use_is_refused(house, tmp_path):
    other = PracticeFactory()
    pem, _file, _key = certificate_of("ours", tmp_path)
    chosen = {"mllp_port": "2580", "mllp_addresses": "10.1.2.3", "mllp_certificate": pem}
    with use_practice(house.pk):
        feeds.add_feed(house, name="EMR", kind="hl7v2", chosen=chosen)
        feeds.add_feed(house, name="EMR", kind="hl7v2", chosen=chosen)  # the same again is no other
    with use_practice(other.pk):
        for refused, words in (
            ({"mllp_port": "2580", "mllp_addresses": "10.1.2.3"}, "another feed has this port"),
            ({"mllp_port": "2581"}, "mllp_addresses"),
            ({"mllp_certificate": pem}, "another feed has this certificate"),
        ):
            with pytest.raises(feeds.BadFeed, match=words):
                feeds.add_feed(other, name="EMR", kind="hl7v2", chosen=refused)
        assert not Feed.objects.exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [("mllp_port", "80"), ("mllp_port", "x"), ("mllp_addresses", "10.1.2"), ("mllp_certificate", "no certificate")],
)
def test_a_wrong_setting_of_the_listener_is_named(house, key, value):
    with pytest.raises(feeds.keys.BadSetting, match=key):
        feeds.keys.clean(KINDS["hl7v2"].keys, {key: value})
