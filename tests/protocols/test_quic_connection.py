"""What secrets open of QUIC: connections of aioquic in memory, whole, damaged, and with keys missing."""

from __future__ import annotations

import hashlib
import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest
from aioquic.quic.packet import QuicProtocolVersion

from iptvforensics.protocol import Anomaly, ContentBegin, ContentEnd, Hold, OpenedBegin, OpenedData, Opening, Row
from iptvforensics.protocols._quic_parser import QuicParser
from iptvforensics.protocols._quic_spaces import Opened, Space
from iptvforensics.protocols.quic import PROTOCOL, detect
from iptvforensics.schema import ENGINE_COLUMNS
from iptvforensics.tls.keylog import Secrets

_spec = importlib.util.spec_from_file_location("quic_talk", Path(__file__).with_name("quic_talk.py"))
assert _spec is not None
assert _spec.loader is not None
talks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talks)

V1, V2 = QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2
FILM = {"/1.ts": 30_000, "/2.ts": 10_000, "/3.ts": 500}


def film(*arguments: Any, **options: Any) -> Any:
    """Return a conversation in which three files are fetched, two of them at the same time."""
    talk = talks.Talk(*arguments, **options).run(4).ask("/1.ts", FILM["/1.ts"]).run(8)
    return talk.ask("/2.ts", FILM["/2.ts"]).ask("/3.ts", FILM["/3.ts"]).run(8)


@pytest.fixture(scope="module", name="whole")
def _whole() -> Any:
    return film().close()


def bodies() -> dict[str, bytes]:
    return {name: talks.body(name, size) for name, size in FILM.items()}


def by_side(datagrams: list[Any], first: bool) -> list[Any]:
    """Return the datagrams as the engine feeds those of a block: first one direction, then the other."""
    return sorted(datagrams, key=lambda datagram: datagram.from_orig != first)


# Whole connections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [V1, V2], ids=["1", "2"])
@pytest.mark.parametrize("suite", talks.SUITES)
def test_every_suite_and_version(suite: str, version: int) -> None:
    talk = film(suite, original_version=version, supported_versions=[version])
    found = talks.Found(talk.datagrams, talk.keylog)
    assert found.bodies() == talk.got == bodies()
    assert [row["complete"] for row in found.rows("http")] == [True] * 3
    assert found.anomalies == []


def test_the_row_says_what_came_under_encryption(whole: Any) -> None:
    found = talks.Found(whole.datagrams, whole.keylog)
    (row,) = found.rows("quic")
    assert (row["alpn"], row["early_data_accepted"], row["cert_names"]) == ("h3", False, [*talks.NAMES])
    assert row["close"] == "client: application 0x0 enough" or row["close"].startswith("client: transport 0x0")
    assert (len(row["client_ids"]), len(row["server_ids"]), row["path_checks"], row["datagrams"]) == (7, 7, 0, 0)
    secret = next(line.split()[2] for line in whole.keylog.splitlines() if line.startswith("SERVER_HANDSHAKE"))
    assert row["secret_sha256"] == hashlib.sha256(bytes.fromhex(secret)).hexdigest()
    assert set(row) == (set(PROTOCOL.tables[0].column_names) - ENGINE_COLUMNS) | {"secret_sha256"}


def test_a_row_for_each_secret(whole: Any) -> None:
    found = talks.Found(whole.datagrams, whole.keylog)
    rows = found.rows("decrypted")
    assert sorted(row["label"] for row in rows) == [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0",
    ]  # fmt: skip
    assert {row["secret_sha256"] for row in rows} == {
        hashlib.sha256(bytes.fromhex(line.split()[2])).hexdigest() for line in whole.keylog.splitlines()
    }
    assert {row["client_random"] for row in rows} == {found.rows("quic")[0]["client_random"]}
    assert {(row["tls_version"], row["cipher_suite"]) for row in rows} == {("TLS 1.3", "TLS_AES_256_GCM_SHA384")}
    assert set(rows[0]) == (set(PROTOCOL.tables[1].column_names) - ENGINE_COLUMNS) | {"secret_sha256"}


@pytest.mark.parametrize("first", [True, False])
def test_directions_may_come_one_after_the_other(whole: Any, first: bool) -> None:
    found = talks.Found(by_side(whole.datagrams, first), whole.keylog)
    assert {row["target"]: row["complete"] for row in found.rows("http")} == dict.fromkeys(FILM, True)
    assert len(found.rows("quic")) == 1


def test_places_are_those_of_the_encrypted_bytes(whole: Any) -> None:
    """With AES-GCM and ChaCha20, a byte has the place of its cipher text: the datagram that held it is found by it."""
    found = talks.Found(whole.datagrams, whole.keylog)
    size = sum(len(datagram.data) for datagram in whole.datagrams if not datagram.from_orig)
    for event in found.events:
        if isinstance(event, OpenedData) and not event.from_orig:
            starts, offsets = event.places
            assert len(starts) == len(offsets) > 0
            assert all(0 <= offset < size for offset in offsets)
            assert sorted(starts) == list(starts)


def test_keys_are_renewed_by_either_side() -> None:
    talk = film()
    for turn in range(5):
        (talk.client if turn % 2 else talk.server).request_key_update()
        talk.ask(f"/more{turn}", 9000).run(6)
    found = talks.Found(talk.datagrams, talk.keylog)
    assert found.bodies() == talk.got
    assert found.anomalies == []
    updates = {row["label"]: row["key_updates"] for row in found.rows("decrypted")}
    assert updates["SERVER_TRAFFIC_SECRET_0"] == updates["CLIENT_TRAFFIC_SECRET_0"] == 5


def test_keys_renewed_where_packets_are_missing() -> None:
    talk = film()
    begin = len(talk.datagrams)
    for _ in range(2):
        talk.server.request_key_update()
        talk.ask("/lost", 3000).run(6)
    end = len(talk.datagrams)
    talk.ask("/last", 9000).run(6)
    found = talks.Found(talk.datagrams[:begin] + talk.datagrams[end:], talk.keylog)
    assert found.bodies()["/last"] == talks.body("/last", 9000)
    assert {row["key_updates"] for row in found.rows("decrypted")} == {0, 2}


def test_early_data() -> None:
    first = film()
    talk = talks.Talk(ticket=first.tickets[0], tickets=first.store).ask("/early.ts", 5000).run(8)
    found = talks.Found(talk.datagrams, talk.keylog)
    assert found.bodies() == {"/early.ts": talks.body("/early.ts", 5000)}
    (row,) = found.rows("quic")
    assert (row["early_data_accepted"], row["resumption"], row["cert_sha256"]) == (True, "psk", None)
    early = next(row for row in found.rows("decrypted") if row["label"] == "CLIENT_EARLY_TRAFFIC_SECRET")
    opened = [event for event in found.events if isinstance(event, OpenedData) and event.from_orig]
    assert opened[0].secret_sha256 == early["secret_sha256"] != opened[-1].secret_sha256


def test_early_data_without_its_secret_is_said_to_be_closed() -> None:
    first = film()
    talk = talks.Talk(ticket=first.tickets[0], tickets=first.store).ask("/early.ts", 5000).run(8)
    found = talks.Found(talk.datagrams, talk.without("EARLY"))
    assert "QUIC_packet_not_opened" in found.anomalies
    ((target, trouble),) = [(row["target"], row["interrupted"]) for row in found.rows("http")]
    assert (target, trouble) == (None, "no request seen")


def test_early_data_that_the_server_did_not_take() -> None:
    first = film()
    talk = talks.Talk(ticket=first.tickets[0], tickets={}).ask("/early.ts", 5000).run(4)
    sent = talks.Found(talk.datagrams, talk.keylog)
    assert sent.rows("quic")[0]["early_data_accepted"] is False
    assert "QUIC_early_data_refused" in sent.anomalies
    assert [row["target"] for row in sent.rows("http")] == ["/early.ts"]  # sent once more, and counted once
    early = next(row for row in sent.rows("decrypted") if row["label"] == "CLIENT_EARLY_TRAFFIC_SECRET")
    used = {event.secret_sha256 for event in sent.events if isinstance(event, OpenedData)}
    assert used
    assert early["secret_sha256"] not in used


def test_early_data_is_kept_where_the_server_says_nothing_of_it() -> None:
    first = film()
    talk = talks.Talk(ticket=first.tickets[0], tickets=first.store).ask("/early.ts", 5000).run(8)
    for datagrams, keylog in (
        ([each for each in talk.datagrams if each.from_orig], talk.keylog),
        (talk.datagrams, talk.without("SERVER_HANDSHAKE")),
    ):
        found = talks.Found(datagrams, keylog)
        assert [row["target"] for row in found.rows("http")] == ["/early.ts"]
        assert "QUIC_early_data_refused" not in found.anomalies


@pytest.mark.parametrize(("without", "who"), [("CLIENT_TRAFFIC", "client"), ("SERVER_TRAFFIC", "server")])
def test_secrets_of_one_side_only(whole: Any, without: str, who: str) -> None:
    found = talks.Found(whole.datagrams, whole.without(without))
    begins = [event for event in found.events if isinstance(event, OpenedBegin)]
    assert begins == [OpenedBegin(0, "quic", True, is_half=True)]
    details = [e.detail for e in found.events if isinstance(e, Anomaly) and e.name == "QUIC_packet_not_opened"]
    assert details == [f"not opened: no secret of the {who}'s side for what follows the handshake was given"]
    what = "request" if who == "client" else "response"
    troubles = {row["interrupted"] for row in found.rows("http")}
    assert troubles == {f"{what} not opened: no secret of the {who}'s side"}


def test_a_wrong_secret_does_not_hide_the_right_one(whole: Any) -> None:
    lines = [line.split() for line in whole.keylog.splitlines()]
    wrong = "".join(f"{label} {random} {'00' * (len(secret) // 2)}\n" for label, random, secret in lines)
    found = talks.Found(whole.datagrams, wrong + whole.keylog)
    assert found.bodies() == bodies()
    assert found.anomalies == []
    assert {row["secret_sha256"] for row in found.rows("decrypted")} <= {
        hashlib.sha256(bytes.fromhex(secret)).hexdigest() for _, _, secret in lines
    }


def test_another_identifier_and_another_path_are_noted() -> None:
    talk = film()
    talk.client.change_connection_id()
    talk.ask("/a.ts", 4000).run(4)
    moved = len(talk.datagrams)
    talk.client.change_connection_id()
    talk.ask("/b.ts", 4000)
    for data, _ in talk.client.datagrams_to_send(now=talk.now + 1):  # as from another port
        talk.datagrams.append(talks.Datagram(True, data))
        talk.server.receive_datagram(data, ("192.168.1.40", 50001), now=talk.now + 1)
    talk.now += 1
    talk._heard(False, talk.server)
    talk.run(6)
    assert moved < len(talk.datagrams)
    found = talks.Found(talk.datagrams, talk.keylog)
    assert {name: found.bodies()[name] for name in ("/a.ts", "/b.ts")} == {
        name: talks.body(name, 4000) for name in ("/a.ts", "/b.ts")
    }
    assert found.rows("quic")[0]["path_checks"] >= 1


def test_a_connection_that_moves_is_named_in_the_flow_there() -> None:
    talk = film()
    here = len(talk.datagrams)
    talk.client.change_connection_id()
    talk.ask("/a.ts", 4000).run(4)
    secrets = Secrets()
    secrets.add(talk.keylog.encode())
    moved = next(data for side, data in talk.datagrams[here:] if side and data[0] < 0x80)
    opening = Opening("udp", moved, b"", secrets=secrets)
    assert detect(opening) == 0.0, "not known yet"
    parser = QuicParser(Opening("udp", b"", b"", secrets=secrets))
    for side, data in talk.datagrams[:here]:
        parser.feed(memoryview(data), side)
    assert detect(opening) == detect(opening._replace(orig=b"", resp=moved)) == 1.0
    assert (
        detect(Opening("udp", moved, b"")) == detect(Opening("udp", b"\x40" + bytes(50), b"", secrets=secrets)) == 0.0
    )
    other = QuicParser(opening)
    (anomaly,) = (
        other.feed(memoryview(moved), True) + other.feed(memoryview(moved), True) + other.end(True) + other.end(False)
    )
    assert isinstance(anomaly, Anomaly)
    assert anomaly.name == "QUIC_moved"
    assert talk.keylog.split()[1] in anomaly.detail


def test_datagrams_of_the_application_are_counted() -> None:
    talk = film(max_datagram_frame_size=65536)
    for number in range(3):
        talk.client.send_datagram_frame(b"tick %d" % number)
    talk.run(2)
    found = talks.Found(talk.datagrams, talk.keylog)
    assert found.rows("quic")[0]["datagrams"] == 3


def test_two_connections_on_the_same_ports(whole: Any) -> None:
    other = film("ChaCha20").ask("/other.ts", 700).run(4)
    mixed = [each for pair in zip(whole.datagrams, other.datagrams, strict=False) for each in pair]
    mixed += whole.datagrams[len(other.datagrams) :] + other.datagrams[len(whole.datagrams) :]
    found = talks.Found(mixed, whole.keylog + other.keylog)
    assert sorted(row["target"] for row in found.rows("http")) == sorted([*FILM, *FILM, "/other.ts"])
    assert all(row["complete"] for row in found.rows("http"))
    assert len({row["client_random"] for row in found.rows("quic")}) == 2
    assert "QUIC_packet_not_opened" not in found.anomalies


def test_one_of_two_connections_without_keys(whole: Any) -> None:
    other = film()
    found = talks.Found(whole.datagrams + other.datagrams, whole.keylog)
    assert [row["alpn"] for row in found.rows("quic")] == [None, "h3"]
    assert found.anomalies == ["QUIC_not_opened"]


# Keys that are missing -----------------------------------------------------------------------------------------------


def test_without_keys_only_the_hellos_are_read(whole: Any) -> None:
    found = talks.Found(whole.datagrams, None)
    assert (found.rows("decrypted"), found.web, found.anomalies) == ([], [], ["QUIC_not_opened"])
    assert found.rows("quic")[0]["cert_subject"] is None


def test_keys_of_the_handshake_alone(whole: Any) -> None:
    found = talks.Found(whole.datagrams, whole.without("TRAFFIC_SECRET_0"))
    (row,) = found.rows("quic")
    assert (row["alpn"], row["cert_names"], row["server_ids"]) == ("h3", [*talks.NAMES], None)
    assert found.web == []
    assert found.anomalies == ["QUIC_not_opened", "QUIC_packet_not_opened", "QUIC_packet_not_opened"]


@pytest.mark.parametrize("side", ["CLIENT", "SERVER"])
def test_keys_of_one_side_alone(whole: Any, side: str) -> None:
    found = talks.Found(whole.datagrams, whole.without("SERVER_" if side == "CLIENT" else "CLIENT_"))
    interrupted = {row["interrupted"] for row in found.rows("http")}
    closed = "response not opened: no secret of the server's side"
    assert interrupted == ({closed} if side == "CLIENT" else {"request not opened: no secret of the client's side"})
    assert found.anomalies.count("QUIC_packet_not_opened") == 1


def test_wrong_keys_open_nothing(whole: Any) -> None:
    lines = [line.split() for line in whole.keylog.splitlines()]
    wrong = "".join(f"{label} {random_} {'5a' * (len(secret) // 2)}\n" for label, random_, secret in lines)
    found = talks.Found(whole.datagrams, wrong)
    assert (found.rows("decrypted"), found.web) == ([], [])
    assert found.anomalies == ["QUIC_not_opened", "QUIC_packet_not_opened", "QUIC_packet_not_opened"]


# Damage --------------------------------------------------------------------------------------------------------------


def test_any_datagram_may_be_missing() -> None:
    """What is handed on behind a loss stands at its place, and nothing that is missing is passed over in silence."""
    talk = film()
    expected = bodies()
    for number, lost in enumerate(talk.datagrams):
        found = talks.Found(talk.datagrams[:number] + talk.datagrams[number + 1 :], talk.keylog)
        if not found.rows("decrypted"):
            assert number == 0
            assert "QUIC_initial_not_opened" in found.anomalies
            continue
        for row in found.rows("http"):
            if row["complete"]:
                assert found.bodies()[row["target"]] == expected[row["target"]]
        for name, data in found.bodies().items():
            if name.startswith("/"):
                told = zip(data, expected[name], strict=False)
                assert all(ours in (theirs, ord(".")) for ours, theirs in told), (number, lost.from_orig)
        is_whole = [row["complete"] for row in found.rows("http")] == [True] * 3
        is_told = "QUIC_stream_gap" in found.anomalies or any(row["interrupted"] for row in found.rows("http"))
        assert is_whole or is_told, number


def test_a_lost_datagram_is_a_gap_of_its_size() -> None:
    talk = film()
    number = max(range(len(talk.datagrams) // 2), key=lambda n: (len(talk.datagrams[n].data), n))
    found = talks.Found(talk.datagrams[:number] + talk.datagrams[number + 1 :], talk.keylog)
    row = next(row for row in found.rows("http") if row["interrupted"])
    assert (row["interrupted"], row["target"]) == ("gap", "/1.ts")
    assert row["response_body_bytes"] + row["response_missing_bytes"] == FILM["/1.ts"]
    (anomaly,) = [e for e in found.events if isinstance(e, Anomaly)]
    assert (anomaly.name, anomaly.count, anomaly.from_orig) == ("QUIC_stream_gap", 1, False)
    assert anomaly.detail == f"{row['response_missing_bytes']} bytes of streams were not captured"


@pytest.mark.parametrize("seed", range(5))
def test_datagrams_out_of_order_and_doubled(seed: int) -> None:
    talk = film()
    generator = random.Random(seed)
    order = sorted(range(len(talk.datagrams)), key=lambda n: n + generator.uniform(0, 6))
    shuffled = [talk.datagrams[n] for n in order]
    doubled = [each for datagram in shuffled for each in [datagram] * generator.choice((1, 1, 2))]
    found = talks.Found(doubled, talk.keylog)
    assert found.bodies() == bodies()
    assert found.anomalies == []
    assert any(isinstance(event, Hold) for event in found.events)


def test_what_is_sent_again_fills_the_gap() -> None:
    """A loss on the way, before the place of the capture: the sender repeats the bytes in other packets."""
    talk = talks.Talk().run(4).ask("/1.ts", 30_000)
    for step in range(40):
        talk.now += 0.05
        for side, sender, receiver in ((True, talk.client, talk.server), (False, talk.server, talk.client)):
            if (timer := sender.get_timer()) is not None and timer <= talk.now:
                sender.handle_timer(now=talk.now)
            for number, (data, _) in enumerate(sender.datagrams_to_send(now=talk.now)):
                if not side and step < 3 and number % 4 == 1:
                    continue
                talk.datagrams.append(talks.Datagram(side, data))
                receiver.receive_datagram(data, talks.CLIENT if side else talks.SERVER, now=talk.now)
            talk._heard(not side, receiver)
    found = talks.Found(talk.datagrams, talk.keylog)
    assert found.bodies() == talk.got == {"/1.ts": talks.body("/1.ts", 30_000)}
    assert found.anomalies == []


def test_cut_datagrams_are_counted(whole: Any) -> None:
    cut = [
        talks.Datagram(side, data[:90] if n > 8 and n % 5 == 0 else data)
        for n, (side, data) in enumerate(whole.datagrams)
    ]
    found = talks.Found(cut, whole.keylog)
    assert "QUIC_packet_not_opened" in found.anomalies
    assert len(found.rows("quic")) == 1


def test_junk_between_the_datagrams_changes_nothing(whole: Any) -> None:
    generator = random.Random(7)
    mixed = []
    for side, data in whole.datagrams:
        junk = bytes([0x40 | generator.randrange(64)]) + generator.randbytes(generator.randrange(6, 1200))
        mixed += [(side, data), (generator.random() < 0.5, junk)]
    found = talks.Found(mixed, whole.keylog)
    assert found.bodies() == bodies()
    assert set(found.anomalies) == {"QUIC_packet_not_opened"}


def test_forged_packets_in_between_lose_nothing(whole: Any) -> None:
    """Anybody can send what needs no key: refusals of the version, and Initial packets that are none."""
    refusal = b"\x80" + bytes(4) + b"\x04abcd\x04efgh" + (1).to_bytes(4)
    forged = b"\xc0\0\0\0\x01\x08" + bytes(8) + b"\x00\x00\x44\x00" + bytes(1024)
    mixed = [whole.datagrams[0]]
    for number, datagram in enumerate(whole.datagrams[1:]):
        mixed += [talks.Datagram(not datagram.from_orig, forged if number % 3 else refusal)] * 3 + [datagram]
    found = talks.Found(mixed, whole.keylog)
    assert found.bodies() == bodies()
    assert set(found.anomalies) == {"QUIC_version_refused"}


@pytest.mark.parametrize("seed", range(40))
def test_a_peer_may_send_anything_under_its_keys(whole: Any, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has the keys can write what he likes into a packet: nothing but rows and anomalies comes of it."""
    generator = random.Random(seed)
    real = Space.open

    def changed(self: Space, packet: bytes, number_at: int, offset: int) -> Opened | None:
        opened = real(self, packet, number_at, offset)
        if opened is None or generator.random() < 0.7:
            return opened
        payload = bytearray(opened.payload)
        for _ in range(generator.randrange(1, 6)):
            at = generator.randrange(len(payload) + 1)
            payload[at : at + generator.randrange(5)] = generator.randbytes(generator.randrange(9))
        return opened._replace(payload=bytes(payload))

    monkeypatch.setattr(Space, "open", changed)
    found = talks.Found(whole.datagrams, whole.keylog)
    begun = [e.key for e in found.web if isinstance(e, ContentBegin)]
    ended = [e.key for e in found.web if isinstance(e, ContentEnd)]
    assert sorted(begun) == sorted(ended)
    assert len({*begun}) == len(begun)


def test_a_client_hello_that_never_comes_keeps_little(whole: Any) -> None:
    secrets = Secrets()
    secrets.add(whole.keylog.encode())
    parser = QuicParser(Opening("udp", b"", b"", secrets=secrets))
    for _ in range(5000):
        parser.feed(memoryview(b"\x41" + bytes(1199)), False)
    assert parser._waiting_bytes <= 4 << 20


def test_packets_wait_for_the_identifier_of_the_server(whole: Any) -> None:
    """Without a packet of the client that names it, only the server says how long its identifier is."""
    named = [n for n, (side, data) in enumerate(whole.datagrams) if side and data[0] & 0x80][1:]
    datagrams = [each for n, each in enumerate(whole.datagrams) if n not in named]
    assert named
    for first in (True, False):
        found = talks.Found(by_side(datagrams, first), whole.keylog)
        assert "QUIC_packet_not_opened" not in found.anomalies
        (client,) = [row for row in found.rows("decrypted") if row["label"] == "CLIENT_TRAFFIC_SECRET_0"]
        assert client["records"] > 5


def test_rows_do_not_depend_on_the_way_in_which_directions_are_fed(whole: Any) -> None:
    told = []
    for datagrams in (whole.datagrams, by_side(whole.datagrams, True)):
        found = talks.Found(datagrams, whole.keylog)
        told.append(sorted(repr(e) for e in found.events if isinstance(e, Row)))
    assert told[0] == told[1]
