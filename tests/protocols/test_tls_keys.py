"""Connections of Python's ssl, opened with the key log that it wrote: every suite, byte for byte."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import random
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from iptvforensics.protocol import Anomaly, Event, Hold, OpenedBegin, OpenedData, OpenedEnd, OpenedGap, Opening, Row
from iptvforensics.protocols import _tls_direction
from iptvforensics.protocols._tls_parser import TlsParser
from iptvforensics.tls.hkdf import expand_label
from iptvforensics.tls.keylog import Secrets

_spec = importlib.util.spec_from_file_location("tls_talk", Path(__file__).parents[1] / "tls" / "talk.py")
assert _spec is not None
assert _spec.loader is not None
talks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talks)

V10, V11, V12, V13 = (getattr(ssl.TLSVersion, name) for name in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"))
SUITES_12 = [
    "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305", "AES128-CCM", "AES256-CCM8", "AES128-SHA", "AES256-SHA",
    "AES128-SHA256", "AES256-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384",
]  # fmt: skip
ECDSA = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-SHA"]
NO_ENCRYPT_THEN_MAC = 1 << 19
"""Option of OpenSSL that Python does not name."""
CASES = [
    (V13, None, "rsa"), (V13, None, "ec"),
    *((V12, suite, "rsa") for suite in SUITES_12), *((V12, suite, "ec") for suite in ECDSA),
    (V11, "AES128-SHA", "rsa"), (V10, "AES128-SHA", "rsa"), (V10, "ECDHE-RSA-AES256-SHA", "rsa"),
]  # fmt: skip


def secrets_of(*talk: Any) -> Secrets:
    secrets = Secrets()
    for each in talk:
        secrets.add(each.keylog.encode())
    return secrets


class Found:
    """What a parser said, put together."""

    def __init__(self, events: list[Event]) -> None:
        self.rows = [e for e in events if isinstance(e, Row)]
        self.anomalies = [e for e in events if isinstance(e, Anomaly)]
        self.ended = [e.from_orig for e in events if isinstance(e, OpenedEnd)]
        self.gaps = [(e.from_orig, e.length) for e in events if isinstance(e, OpenedGap)]
        self.holds = [tuple(e) for e in events if isinstance(e, Hold)]
        self.data = {
            side: b"".join(bytes(e.data) for e in events if isinstance(e, OpenedData) and e.from_orig == side)
            for side in (True, False)
        }
        self.events = events

    def table(self, name: str) -> list[dict[str, Any]]:
        return [row.values for row in self.rows if row.table == name]

    @property
    def names(self) -> list[str]:
        return [anomaly.name for anomaly in self.anomalies]


def read(steps: list[tuple[bool, bytes | int]], secrets: Secrets) -> Found:
    parser = TlsParser(Opening("tcp", b"", b"", secrets=secrets))
    events: list[Event] = []
    for side, what in steps:
        events += parser.gap(what, side) if isinstance(what, int) else parser.feed(memoryview(what), side)
    return Found(events + parser.end(True) + parser.end(False))


def both(talk: Any) -> list[tuple[bool, bytes | int]]:
    """Return a talk as the engine gives it: one direction whole, then the other."""
    return [(True, talk.stream(True)), (False, talk.stream(False))]


@pytest.mark.parametrize(("version", "suite", "kind"), CASES)
def test_every_suite_byte_for_byte(version: ssl.TLSVersion, suite: str | None, kind: str) -> None:
    talk = talks.talk(version, suite, kind=kind)
    assert (talk.server_got, talk.client_got) == (talks.REQUEST, talks.ANSWER)
    for steps in (both(talk), both(talk)[::-1], list(talk.chunks)):
        found = read(steps, secrets_of(talk))
        assert found.data == {True: talk.server_got, False: talk.client_got}
        assert (found.gaps, sorted(found.ended), found.anomalies) == ([], [False, True], [])


@pytest.mark.parametrize("suite", ["GCM_SHA256", "CCM_SHA256", "CCM_8_SHA256"])
def test_suites_of_tls_13_with_128_bits(suite: str) -> None:
    check_13(f"TLS_AES_128_{suite}")


@pytest.mark.parametrize("suite", ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def test_suites_of_tls_13_with_256_bits(suite: str) -> None:
    check_13(suite)


def check_13(suite: str) -> None:
    talk = talks.talk_13(suite)
    found = read(both(talk), secrets_of(talk))
    assert found.table("tls")[0]["cipher_suite"] == suite
    assert found.data == {True: talk.server_got, False: talk.client_got}
    assert found.data[False] == talks.ANSWER


@pytest.mark.parametrize("suite", ["AES128-SHA", "AES256-SHA256", "ECDHE-RSA-AES256-SHA384"])
def test_mac_before_the_encryption(suite: str) -> None:
    contexts = talks.client_context(V12, suite, ()), talks.server_context(V12, suite, "rsa", ())
    contexts[0].options |= NO_ENCRYPT_THEN_MAC
    talk = talks.talk(contexts=contexts)
    found = read(both(talk), secrets_of(talk))
    assert 22 not in found.table("tls")[0]["server_extensions"]
    assert found.data == {True: talk.server_got, False: talk.client_got}


def sealed(secret: bytes, number: int, content: bytes, kind: int) -> bytes:
    """Return a record of TLS 1.3 with AES-256-GCM, sealed with the cryptographic library alone."""
    key, iv = expand_label("SHA384", secret, "key", 32), expand_label("SHA384", secret, "iv", 12)
    header = b"\x17\x03\x03" + (len(content) + 17).to_bytes(2)
    nonce = (int.from_bytes(iv) ^ number).to_bytes(12)
    return header + AESGCM(key).encrypt(nonce, content + bytes([kind]), header)


@pytest.mark.parametrize("lost", [False, True])
def test_renewed_keys(lost: bool) -> None:
    talk = talks.talk(V13)
    secrets = secrets_of(talk)
    secret = secrets.find("SERVER_TRAFFIC_SECRET_0", client_random(talk))
    assert secret is not None
    stream = talk.stream(False)
    close = record_starts(stream)[-1]  # close_notify gives way to the renewal
    number = read(both(talk), secrets).table("decrypted")[-1]["records"] - 1
    update = sealed(secret.value, number, b"\x18\0\0\x01\0", 22)
    renewed = expand_label("SHA384", secret.value, "traffic upd", 48)
    behind = sealed(renewed, 0, b"and more", 23) + sealed(renewed, 1, b"!", 23)
    middle: bytes | int = len(update) if lost else update
    found = read([(True, talk.stream(True)), (False, stream[:close]), (False, middle), (False, behind)], secrets)
    assert found.data[False] == talk.client_got + b"and more!"
    assert found.table("decrypted")[-1]["key_updates"] == 1
    assert found.gaps == ([(False, -1)] if lost else [])


@pytest.mark.parametrize(("version", "suite"), [(V13, None), (V12, "ECDHE-RSA-AES128-GCM-SHA256"), (V10, "AES128-SHA")])
@pytest.mark.parametrize("seed", range(4))
def test_cuts_do_not_matter(version: ssl.TLSVersion, suite: str | None, seed: int) -> None:
    talk = talks.talk(version, suite)
    generator = random.Random(seed)
    steps: list[tuple[bool, bytes | int]] = []
    for side in generator.sample([True, False], 2):
        stream, at = talk.stream(side), 0
        while at < len(stream):
            size = generator.randint(1, 3000)
            steps.append((side, stream[at : at + size]))
            at += size
    found, whole = read(steps, secrets_of(talk)), read(both(talk), secrets_of(talk))
    assert found.data == whole.data == {True: talk.server_got, False: talk.client_got}
    assert sorted(map(repr, found.rows)) == sorted(map(repr, whole.rows))


TAKEN, NOT_TAKEN = b"\x08\0\0\x06\0\x04\0\x2a\0\0", b"\x08\0\0\x02\0\0"
"""EncryptedExtensions of a server that takes early data, and of one that does not."""
EARLY = b"e" * 48


def with_early_data(talk: Any, said: bytes | None, *contents: tuple[bytes, int]) -> list[tuple[bool, bytes | int]]:
    """Return a talk whose client sent early data, and whose server said this of it."""
    client, server = talk.stream(True), talk.stream(False)
    sent = b"".join(sealed(EARLY, number, *content) for number, content in enumerate(contents))
    hello = record_starts(client)[1]
    steps: list[tuple[bool, bytes | int]] = [(True, client[:hello] + sent)]
    if said is not None:
        secret = secrets_of(talk).find("SERVER_HANDSHAKE_TRAFFIC_SECRET", client_random(talk))
        assert secret is not None
        first, second = next((at, end) for at, end in itertools.pairwise(record_starts(server)) if server[at] == 23)
        server = server[:first] + sealed(secret.value, 0, said, 22) + server[second:]
    return [*steps, (False, server), (True, client[hello:])]


def early_secrets(talk: Any, without: str = "-") -> Secrets:
    secrets = Secrets()
    lines = [line for line in talk.keylog.splitlines() if without not in line]
    lines.append(f"CLIENT_EARLY_TRAFFIC_SECRET {client_random(talk).hex()} {EARLY.hex()}")
    secrets.add("\n".join(lines).encode())
    return secrets


END = (b"\x05\0\0\0", 22)


def test_early_data() -> None:
    talk = talks.talk(V13)
    steps = with_early_data(talk, TAKEN, (b"early ", 23), (b"bird: ", 23), END)
    found = read(steps, early_secrets(talk))
    assert found.data == {True: b"early bird: " + talk.server_got, False: talk.client_got}
    assert found.table("decrypted")[0]["label"] == "CLIENT_EARLY_TRAFFIC_SECRET"
    assert found.table("tls")[0]["early_data_accepted"] is True
    assert found.anomalies == []
    assert [hold[1] is None for hold in found.holds][-2:] == [False, True]
    unknown = read(steps, secrets_of(talk))
    assert unknown.data == {True: talk.server_got, False: talk.client_got}
    assert [(a.name, a.count) for a in unknown.anomalies] == [("TLS_record_not_opened", 3)]


@pytest.mark.parametrize("without", ["-", "SERVER_"])
def test_early_data_that_the_server_did_not_take(without: str) -> None:
    talk = talks.talk(V13)
    found = read(with_early_data(talk, NOT_TAKEN, (b"GET /early", 23), (b"!", 23)), early_secrets(talk, without))
    assert found.data[True] == talk.server_got
    (told,) = (a for a in found.anomalies if a.name == "TLS_early_data_refused")
    assert (told.from_orig, told.count, told.detail[:8]) == (True, 2, "11 bytes")
    if without == "-":
        assert found.table("tls")[0]["early_data_accepted"] is False


def test_early_data_before_a_second_hello_was_not_taken() -> None:
    contexts = talks.client_context(V13, None, ()), talks.server_context(V13, None, "rsa", ())
    contexts[1].set_ecdh_curve("secp384r1")
    talk = talks.talk(contexts=contexts)
    found = read(with_early_data(talk, None, (b"GET /early", 23)), early_secrets(talk))
    assert found.table("tls")[0]["is_retried"] is True
    assert found.data == {True: talk.server_got, False: talk.client_got}
    assert found.names == ["TLS_early_data_refused"]
    unknown = read(with_early_data(talk, None, (b"GET /early", 23)), secrets_of(talk))
    assert unknown.data[True] == talk.server_got


def test_early_data_whose_end_shows_that_it_was_taken() -> None:
    talk = talks.talk(V13)
    found = read(with_early_data(talk, None, (b"early", 23), END), early_secrets(talk, "SERVER_"))
    assert found.data[True] == b"early" + talk.server_got


def test_early_data_of_which_nothing_is_known_is_kept() -> None:
    talk = talks.talk(V13)
    client = talk.stream(True)
    steps = with_early_data(talk, None, (b"early", 23))
    found = read([*steps[:1], (True, 2000), (False, talk.stream(False))], early_secrets(talk, "SERVER_"))
    assert found.data[True] == b"early"
    found = read([*steps[:1], (True, 37), *steps[2:], (False, talk.stream(False))], early_secrets(talk, "SERVER_"))
    assert found.data[True] == b"early" + talk.server_got
    assert len(client) > 37


# Secrets of one side, several for one connection ---------------------------------------------------------------------


@pytest.mark.parametrize(("without", "who", "side"), [("SERVER_", "server", False), ("CLIENT_", "client", True)])
@pytest.mark.parametrize("label", ["TRAFFIC_SECRET", "TRAFFIC_SECRET_0"])
def test_secrets_of_one_side_only(without: str, who: str, side: bool, label: str) -> None:
    talk = talks.talk(V13)
    secrets = Secrets()
    log = (line for line in talk.keylog.splitlines() if not (line.startswith(without) and label in line.split()[0]))
    secrets.add("\n".join(log).encode())
    found = read(both(talk), secrets)
    assert found.data == {side: b"", not side: talk.server_got if not side else talk.client_got}
    begins = [event for event in found.events if isinstance(event, OpenedBegin)]
    assert begins == [OpenedBegin(0, "tcp", True, is_half=True)]
    closed = [a for a in found.anomalies if a.from_orig == side]
    assert [a.detail for a in closed] == [
        f"not opened: no secret of the {who}'s side for what follows the handshake was given"
    ]


@pytest.mark.parametrize(
    ("version", "suite"), [(V13, None), (V12, "ECDHE-RSA-AES128-GCM-SHA256"), (V11, "AES128-SHA"), (V10, "AES128-SHA")]
)
def test_a_wrong_secret_does_not_hide_the_right_one(version: ssl.TLSVersion, suite: str | None) -> None:
    talk = talks.talk(version, suite)
    wrong = [
        " ".join((label, random, "00" * (len(secret) // 2)))
        for label, random, secret in (line.split() for line in talk.keylog.splitlines() if len(line.split()) == 3)
    ]
    secrets = Secrets()
    secrets.add("\n".join([*wrong, *talk.keylog.splitlines()]).encode())
    found = read(both(talk), secrets)
    assert found.data == {True: talk.server_got, False: talk.client_got}
    assert found.anomalies == []
    right = {hashlib.sha256(bytes.fromhex(line.split()[2])).hexdigest() for line in talk.keylog.splitlines()[1:]}
    assert {row["secret_sha256"] for row in found.table("decrypted")} <= right


def test_a_client_that_shows_its_certificate_later_goes_on() -> None:
    talk = talks.talk(V13)
    secrets = secrets_of(talk)
    secret = secrets.find("CLIENT_TRAFFIC_SECRET_0", client_random(talk))
    assert secret is not None
    stream = talk.stream(True)
    close = record_starts(stream)[-1]
    number = next(r["records"] for r in read(both(talk), secrets).table("decrypted")
                  if r["label"] == "CLIENT_TRAFFIC_SECRET_0") - 1  # fmt: skip
    finished = sealed(secret.value, number, b"\x14\0\0\x30" + bytes(48), 22)
    behind = sealed(secret.value, number + 1, b"and more", 23)
    found = read([(True, stream[:close] + finished + behind), (False, talk.stream(False))], secrets)
    assert found.data[True] == talk.server_got + b"and more"
    assert found.anomalies == []


def test_places_point_at_the_bytes() -> None:
    talk = talks.talk(V12, "ECDHE-RSA-CHACHA20-POLY1305")
    found = read(both(talk), secrets_of(talk))
    (data,) = [e for e in found.events if isinstance(e, OpenedData) and not e.from_orig]
    assert data.places is not None
    starts, offsets = data.places
    stream = talk.stream(False)
    for start, end, offset in zip(starts, [*starts[1:], len(data.data)], offsets, strict=True):
        header = stream[offset - 5 : offset]
        assert (header[0], int.from_bytes(header[3:]) - 16) == (23, end - start)


def test_rows_of_secrets_and_of_the_handshake() -> None:
    talk = talks.talk(V13, alpn=["h2", "http/1.1"])
    found = read(both(talk), secrets_of(talk))
    (row,) = found.table("tls")
    assert (row["alpn"], row["cert_subject"]) == ("h2", f"CN={talks.HOST},O=Stellar TV")
    used = {secret["label"]: secret for secret in found.table("decrypted")}
    assert set(used) == {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0",
    }  # fmt: skip
    assert row["secret_sha256"] == used["SERVER_HANDSHAKE_TRAFFIC_SECRET"]["secret_sha256"]
    data = {e.from_orig: e.secret_sha256 for e in found.events if isinstance(e, OpenedData)}
    assert data[False] == used["SERVER_TRAFFIC_SECRET_0"]["secret_sha256"]
    assert used["CLIENT_TRAFFIC_SECRET_0"]["content_bytes"] == len(talks.REQUEST) + 2  # and close_notify


def test_without_a_fitting_secret_nothing_is_opened_nor_kept() -> None:
    talk, other = talks.talk(V13), talks.talk(V13)
    found = read(both(talk), secrets_of(other))
    assert (found.data, found.names, found.holds) == ({True: b"", False: b""}, ["TLS_not_opened"], [])


def test_one_hello_alone_opens_nothing() -> None:
    talk = talks.talk(V12, "AES128-SHA")
    found = read([(False, talk.stream(False))], secrets_of(talk))
    assert found.names == ["TLS_not_opened"]
    assert "only one hello" in found.anomalies[0].detail


def test_records_that_wait_keep_their_places() -> None:
    talk = talks.talk(V13)
    found = read(both(talk), secrets_of(talk))
    (first, last) = found.holds
    assert (first[0], last) == (True, (True, None))


@pytest.mark.parametrize(("limit", "value"), [("HELD_LIMIT", 50_000), ("HELD_RECORDS", 3)])
def test_waiting_is_limited(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    talk = talks.talk(V13, request=bytes(100_000))
    monkeypatch.setattr(_tls_direction, limit, value)
    found = read(both(talk), secrets_of(talk))
    assert "TLS_waited_too_long" in found.names
    assert found.data[False] == talk.client_got


@pytest.mark.parametrize("has_ticket", [True, False])
@pytest.mark.parametrize("is_logged", [True, False])
def test_resumed_sessions_are_opened(has_ticket: bool, is_logged: bool) -> None:
    suite = "ECDHE-RSA-AES128-GCM-SHA256"
    contexts = talks.client_context(V12, suite, ()), talks.server_context(V12, suite, "rsa", ())
    if not has_ticket:
        for context in contexts:
            context.options |= ssl.OP_NO_TICKET
    first = talks.talk(contexts=contexts)
    second = talks.talk(contexts=contexts, session=first.session)
    secrets = secrets_of(first, second) if is_logged else Secrets()
    if not is_logged:
        secrets.add("\n".join(first.keylog.splitlines()).encode())
        assert not secrets.knows(client_random(second))
    assert read(both(first), secrets).data[False] == first.client_got
    found = read(both(second), secrets)
    assert found.table("tls")[0]["resumption"] is not None
    assert found.data == {True: second.server_got, False: second.client_got}


@pytest.mark.parametrize("has_ticket", [True, False])
def test_a_session_is_resumed_with_the_secret_that_opened_it(has_ticket: bool) -> None:
    suite = "ECDHE-RSA-AES128-GCM-SHA256"
    contexts = talks.client_context(V12, suite, ()), talks.server_context(V12, suite, "rsa", ())
    if not has_ticket:
        for context in contexts:
            context.options |= ssl.OP_NO_TICKET
    first = talks.talk(contexts=contexts)
    second = talks.talk(contexts=contexts, session=first.session)
    secrets = Secrets()
    secrets.add(f"CLIENT_RANDOM {client_random(first).hex()} {'00' * 48}\n".encode())
    secrets.add("\n".join(line for line in first.keylog.splitlines() if client_random(first).hex() in line).encode())
    assert read(both(first), secrets).data[False] == first.client_got
    assert read(both(second), secrets).data == {True: second.server_got, False: second.client_got}


def client_random(talk: Any) -> bytes:
    return talk.stream(True)[11:43]


def test_resumed_in_tls_13() -> None:
    contexts = talks.client_context(V13, None, ()), talks.server_context(V13, None, "rsa", ())
    first = talks.talk(contexts=contexts)
    second = talks.talk(contexts=contexts, session=first.session)
    found = read(both(second), secrets_of(second))
    assert (found.table("tls")[0]["resumption"], found.data[False]) == ("psk", second.client_got)


def test_a_log_without_the_handshake_secrets_still_opens_the_data() -> None:
    talk = talks.talk(V13)
    log = "\n".join(line for line in talk.keylog.splitlines() if "_TRAFFIC_SECRET_0" in line)
    secrets = Secrets()
    secrets.add(log.encode())
    found = read(both(talk), secrets)
    assert found.data == {True: talk.server_got, False: talk.client_got}
    assert found.table("tls")[0]["cert_subject"] is None
    assert set(found.names) == {"TLS_record_not_opened"}


def test_a_log_without_the_traffic_secrets_opens_the_handshake() -> None:
    talk = talks.talk(V13)
    secrets = Secrets()
    secrets.add("\n".join(line for line in talk.keylog.splitlines() if "HANDSHAKE" in line).encode())
    found = read(both(talk), secrets)
    assert found.data == {True: b"", False: b""}
    assert found.table("tls")[0]["cert_subject"] is not None
    assert set(found.names) == {"TLS_record_not_opened"}


# Gaps -----------------------------------------------------------------------------------------------------------------


def record_starts(stream: bytes) -> list[int]:
    starts, at = [], 0
    while at < len(stream):
        starts.append(at)
        at += 5 + int.from_bytes(stream[at + 3 : at + 5])
    return starts


@pytest.mark.parametrize(("version", "suite"), [(V13, None), (V12, "ECDHE-RSA-AES128-GCM-SHA256")])
@pytest.mark.parametrize(("first", "into", "records"), [(-5, 20, 0), (-6, 0, 1), (-7, 3, 2), (-6, 100, 2)])
def test_gaps_in_the_data(version: ssl.TLSVersion, suite: str | None, first: int, into: int, records: int) -> None:
    """A gap begins in a record and ends in the same or in one of the next ones: what is missing is known exactly."""
    talk = talks.talk(version, suite, write_size=4096)
    stream = talk.stream(False)
    starts = record_starts(stream)
    at = starts[first] + into
    end = starts[first + records] + into + 50
    steps = [(True, talk.stream(True)), (False, stream[:at]), (False, end - at), (False, stream[end:])]
    found = read(steps, secrets_of(talk))
    (gap,) = found.gaps
    side, length = gap
    assert (side, length > 0) == (False, True)
    pieces = [bytes(e.data) for e in found.events if isinstance(e, OpenedData) and not e.from_orig]
    before, after = pieces[0], b"".join(pieces[1:])
    assert talk.client_got.startswith(before)
    assert talk.client_got.endswith(after)
    assert len(before) + length + len(after) == len(talk.client_got)


def test_a_gap_in_cbc_is_of_unknown_length() -> None:
    talk = talks.talk(V12, "AES128-SHA", write_size=4096)
    stream = talk.stream(False)
    at = record_starts(stream)[-5] + 30
    found = read(
        [(True, talk.stream(True)), (False, stream[:at]), (False, 10), (False, stream[at + 10 :])], secrets_of(talk)
    )
    assert found.gaps == [(False, -1)]
    assert talk.client_got.endswith(found.data[False][-4096:])


def test_a_gap_over_the_finished_message() -> None:
    talk = talks.talk(V13)
    stream = talk.stream(False)
    starts = record_starts(stream)
    at = starts[4] + 10  # among the encrypted handshake
    end = starts[6] + 10
    found = read(
        [(True, talk.stream(True)), (False, stream[:at]), (False, end - at), (False, stream[end:])], secrets_of(talk)
    )
    assert talk.client_got.endswith(found.data[False])
    assert found.data[False]


def test_early_data_of_which_nothing_says_what_became_of_them() -> None:
    talk = talks.talk(V13)
    steps = with_early_data(talk, None, (b"early", 23))
    found = read(steps[:-1], early_secrets(talk, "SERVER_"))  # the capture ends before the client goes on
    assert found.data[True] == b"early"
    assert "TLS_early_data_supposed" in found.names
