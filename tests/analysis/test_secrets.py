"""Key logs and secrets in captures open TLS, and belong to the result."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import random
import shutil
import struct
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import pytest

from iptvforensics import analyze
from iptvforensics.analysis import Options, analyze_capture, capture_file, keylogs_at, secrets_from, secrets_in
from iptvforensics.batch import analyze_many
from iptvforensics.errors import CaptureError, CaseError
from iptvforensics.exhibits.contents import body_of_case
from iptvforensics.exhibits.verify import verify
from iptvforensics.store import Store

_spec = importlib.util.spec_from_file_location("tls_talk", Path(__file__).parents[1] / "tls" / "talk.py")
assert _spec is not None
assert _spec.loader is not None
talks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(talks)

URL = f"https://{talks.HOST}/live/box7/k3y/12.ts"


@pytest.fixture(scope="module")
def talk() -> Any:
    return talks.talk()


@pytest.fixture
def folder(talk: Any, tmp_path: Path) -> Path:
    """A folder with the capture and its key log."""
    place = tmp_path / "evidence"
    place.mkdir()
    talks.write_capture(place / "box.pcap", [talk])
    (place / "keys.log").write_text(talk.keylog)
    return place


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    connection = store.connection(threads=1)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def analyzed(folder: Path, case: Path, *, with_keys: bool = True) -> Store:
    store = Store.create(case)
    options = Options(keylogs=keylogs_at([folder / "keys.log"])) if with_keys else None
    analyze_capture(str(folder / "box.pcap"), store, options=options, cores=1)
    return store


def test_a_key_log_opens_what_is_inside(folder: Path, tmp_path: Path) -> None:
    store = analyzed(folder, tmp_path / "case")
    ((url, status, secret),) = rows(store, "select url, status, secret_sha256 from http")
    assert (url, status) == (URL, 200)
    assert rows(store, f"select label from decrypted where secret_sha256 = '{secret}'") == [
        ("CLIENT_TRAFFIC_SECRET_0",)
    ]
    assert rows(store, "select protocol from flows") == [("tls",)]
    assert rows(store, "select count(*) from anomalies where name like 'TLS%'") == [(0,)]


def test_other_keys_are_another_analysis(folder: Path, tmp_path: Path) -> None:
    store = analyzed(folder, tmp_path / "case", with_keys=False)
    assert rows(store, "select count(*) from http") == [(0,)]
    options = Options(keylogs=keylogs_at([folder / "keys.log"]))
    assert not analyze_capture(str(folder / "box.pcap"), store, options=options, cores=1).skipped
    assert rows(store, "select count(*) from http") == [(1,)]
    assert analyze_capture(str(folder / "box.pcap"), store, options=options, cores=1).skipped


def test_the_manifest_names_the_key_log_and_holds_no_secret(folder: Path, tmp_path: Path, talk: Any) -> None:
    store = analyzed(folder, tmp_path / "case")
    (manifest,) = store.manifests()
    digest = hashlib.sha256((folder / "keys.log").read_bytes()).hexdigest()
    assert manifest["options"] == {"keylogs": [digest]}
    assert manifest["keylogs"] == [{"path": str(folder / "keys.log"), "sha256": digest}]
    secrets = {line.split()[2] for line in talk.keylog.splitlines() if not line.startswith("#")}
    assert not [secret for secret in secrets if secret in json.dumps(manifest)]


def test_verification_uses_the_same_keys(folder: Path, tmp_path: Path) -> None:
    store = analyzed(folder, tmp_path / "case")
    assert verify(store, workers=1).is_confirmed
    moved = tmp_path / "moved"
    shutil.move(folder, moved)
    assert verify(store, evidence=moved, workers=1).is_confirmed
    (moved / "keys.log").write_text("")
    outcome = verify(store, evidence=moved, workers=1)
    assert "key log" in next(iter(outcome.unreadable.values()))


def test_a_body_is_taken_out_of_the_encrypted_flow(folder: Path, tmp_path: Path) -> None:
    store = analyzed(folder, tmp_path / "case")
    ((capture_id, flow_id, offset),) = rows(store, "select capture_id, flow_id, stream_offset from objects")
    assert body_of_case(store, capture_id, flow_id, offset).data == talks.BODY
    (folder / "keys.log").unlink()
    with pytest.raises(CaseError, match="key log"):
        body_of_case(store, capture_id, flow_id, offset)


def test_workers_read_the_key_log_themselves(folder: Path, tmp_path: Path, talk: Any) -> None:
    other = talks.talk()
    talks.write_capture(folder / "other.pcap", [other])
    (folder / "keys.log").write_text(talk.keylog + other.keylog)
    store = Store.create(tmp_path / "case")
    paths = [str(folder / "box.pcap"), str(folder / "other.pcap")]
    summaries = analyze_many(paths, store, options=Options(keylogs=keylogs_at([folder / "keys.log"])), workers=2)
    assert [summary.error for summary in summaries] == [None, None]
    assert rows(store, "select count(*) from http") == [(2,)]


def test_python_interface(folder: Path) -> None:
    with analyze(folder / "box.pcap", keylog=folder / "keys.log", workers=1) as case:
        assert list(case["http"]["url"]) == [URL]


def test_a_key_log_that_changed_is_an_error(folder: Path) -> None:
    keylogs = keylogs_at([folder / "keys.log"])
    (folder / "keys.log").write_text("CLIENT_RANDOM " + "00" * 32 + " 00\n")
    with pytest.raises(CaptureError, match="expected was"):
        secrets_from(keylogs)


@pytest.mark.parametrize("content", [None, "nothing in it\n"])
def test_what_is_no_key_log_is_an_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "keys.log"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CaptureError, match=r"key log|no secret"):
        keylogs_at([path])


# Secrets in the capture -----------------------------------------------------------------------------------------------


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def as_pcapng(capture: bytes, keylog: bytes, *, behind: int) -> bytes:
    """Return a pcap file as pcapng, with the key log behind so many frames."""
    frames, at = [], 24
    while at < len(capture):
        seconds, micros, size, _ = struct.unpack_from("<IIII", capture, at)
        ticks = seconds * 1_000_000 + micros
        head = struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, size, size)
        frames.append(block(6, head + capture[at + 16 : at + 16 + size]))
        at += 16 + size
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0))
    secrets = block(10, struct.pack("<II", 0x544C534B, len(keylog)) + keylog)
    return b"".join([section, *frames[:behind], secrets, *frames[behind:]])


@pytest.mark.parametrize("behind", [0, 10, 40])
def test_secrets_in_the_capture_open_it_wherever_they_stand(
    folder: Path, tmp_path: Path, talk: Any, behind: int
) -> None:
    path = folder / "box.pcapng"
    path.write_bytes(as_pcapng((folder / "box.pcap").read_bytes(), talk.keylog.encode(), behind=behind))
    assert len(secrets_in(str(path))) == 1
    store = Store.create(tmp_path / "case")
    for block_bytes in (1 << 12, 64 << 20):
        analyze_capture(str(path), store, options=Options(block_bytes=block_bytes), cores=1, force=True)
        assert rows(store, "select url from http") == [(URL,)]
    ((capture_id, flow_id, offset),) = rows(store, "select capture_id, flow_id, stream_offset from objects")
    assert body_of_case(store, capture_id, flow_id, offset).data == talks.BODY
    assert verify(store, workers=1).is_confirmed


@pytest.mark.parametrize("cores", [1, 2])
def test_secrets_of_a_file_that_is_another_now_open_nothing(
    folder: Path, tmp_path: Path, talk: Any, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, new = folder / "box.pcapng", folder / "new.pcapng"
    capture = (folder / "box.pcap").read_bytes()
    path.write_bytes(as_pcapng(capture, talk.keylog.encode(), behind=40))
    new.write_bytes(as_pcapng(capture, b"CLIENT_RANDOM " + b"00" * 32 + b" " + b"00" * 48, behind=40))
    read_once, readings = capture_file._read_once, []

    def replaced_before_the_second(*given: Any) -> Any:
        readings.append(given[-1])
        if len(readings) == 2:
            new.replace(path)
        return read_once(*given)

    monkeypatch.setattr(capture_file, "APART_FROM_BYTES", 0)
    monkeypatch.setattr(capture_file, "_read_once", replaced_before_the_second)
    store = Store.create(tmp_path / "case")
    summary = analyze_capture(str(path), store, options=Options(block_bytes=1 << 12), cores=cores)
    assert len(readings) == 4  # without secrets, with the first ones, without, with those of the new file
    assert summary.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "http" not in summary.rows
    ((detail,),) = rows(store, "select detail from anomalies where name = 'CAPTURE_read_again'")
    assert "before it was read again with its secrets" in detail


# Recorded from real programs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_the_recorded_film_is_what_the_server_logged(samples: Path, tmp_path: Path, form: str) -> None:
    folder = samples / "tls"
    truth = json.loads((folder / "https-vod.truth.json").read_text())
    options = Options(keylogs=keylogs_at([folder / "https-vod.keys"])) if form == "pcap" else None
    store = Store.create(tmp_path / "case")
    analyze_capture(str(folder / f"https-vod.{form}"), store, options=options, cores=1)
    found = rows(store, "select client_port, server_port, target, status, response_body_bytes from http")
    names = ("client_port", "server_port", "target", "status", "body_bytes")
    assert sorted(found) == sorted(tuple(row[name] for name in names) for row in truth["tls"])
    versions = {row["client_port"]: row["tls_version"].replace("v", " ") for row in truth["tls"]}
    assert dict(rows(store, "select client_port, tls_version from tls")) == versions
    certificates = rows(store, "select distinct cert_sha256 from tls where cert_sha256 is not null")
    assert certificates == [(truth["certificate"]["sha256"],)]
    resumed = {row["client_port"] for row in truth["tls"] if row["resumed"] == "r"}
    assert {port for (port,) in rows(store, "select client_port from tls where resumption is not null")} == resumed
    bodies = set(rows(store, "select flow_id, stream_offset from objects where role = 'response'"))
    begins = rows(store, "select flow_id, response_body_offset from http where response_body_bytes > 0")
    assert begins
    assert bodies.issuperset(begins)
    assert rows(store, "select delivery, stream, bytes from sessions where media_objects > 1") == [
        ("hls", "https://vod.harrier-tv.example/index.m3u8", 124832 + 4888)
    ]


def test_recorded_quic_is_what_the_clients_did(samples: Path, tmp_path: Path) -> None:
    truth = json.loads((samples / "quic" / "hello.truth.json").read_text())
    store = Store.create(tmp_path / "case")
    analyze_capture(str(samples / "quic" / "hello.pcap"), store, cores=1)
    columns = "server_port, server_name, client_version, alpn_offered, has_retry, quic_version"
    found = rows(store, f"select {columns} from quic order by frame_no")
    numbers = {1: "00000001", 2: "6b3343cf"}
    told = zip(truth["asked_by_quic"], truth["quic"], strict=True)
    assert found == [
        (
            asked["port"],
            asked["server_name"],
            numbers[asked["versions"][0]],
            asked["alpn"],
            asked["retry"],
            log["version"],
        )
        for asked, log in told
    ]


@pytest.fixture(scope="module")
def film_by_http3(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, Any]]:
    folder = samples / "quic"
    store = Store.create(tmp_path_factory.mktemp("http3") / "case")
    options = Options(keylogs=keylogs_at([folder / "hls-h3.keys"]))
    analyze_capture(str(folder / "hls-h3.pcap"), store, options=options, cores=1)
    return store, json.loads((folder / "hls-h3.truth.json").read_text())


def test_http_3_is_what_the_server_logged(film_by_http3: tuple[Store, dict[str, Any]]) -> None:
    store, truth = film_by_http3
    columns = "client_ip, client_port, server_ip, server_port, method, host, target, status, response_body_bytes"
    found = rows(store, f"select {columns}, content_type, user_agent from http where http_version = '3' and complete")
    names = ("client_ip", "client_port", "server_ip", "server_port", "method", "host", "target", "status", "body_bytes")
    told = [tuple(row[name] for name in (*names, "content_type", "user_agent")) for row in truth["http"]]
    assert sorted(found) == sorted(told)
    assert rows(store, "select name from anomalies where name not like 'PACKETS%'") == []


def test_bodies_in_http_3_are_the_files_of_the_server(film_by_http3: tuple[Store, dict[str, Any]]) -> None:
    store, truth = film_by_http3
    media = {row["url"]: row["sha256"] for session in truth["sessions"] for row in session["media"]}
    found = rows(store, "select name, capture_id, flow_id, stream_offset from objects where name like '%.ts'")
    assert len(found) == len(media)
    for name, *place in found:
        assert hashlib.sha256(body_of_case(store, *place).data).hexdigest() == media[name], name
    for session in truth["sessions"]:
        digest = hashlib.sha256(session["playlist"].encode()).hexdigest()
        assert rows(store, f"select sha256, complete from objects where name = '{session['stream']}'") == [
            (digest, True)
        ]


def test_sessions_come_out_of_http_3(film_by_http3: tuple[Store, dict[str, Any]]) -> None:
    store, truth = film_by_http3
    found = rows(store, "select delivery, kind, client_ip, stream, bytes, media_objects from sessions")
    assert sorted(found) == [
        (each["delivery"], each["kind"], each["client_ip"], each["stream"],
         sum(row["body_bytes"] for row in each["media"]), len(each["media"]))
        for each in truth["sessions"]
    ]  # fmt: skip


def test_quic_connections_are_what_the_server_says(film_by_http3: tuple[Store, dict[str, Any]]) -> None:
    store, truth = film_by_http3
    columns = "client_ip, client_port, alpn, quic_version, cipher_suite, resumption is not null, early_data_accepted"
    names = ("client_ip", "client_port", "alpn", "version", "cipher_suite", "resumed", "early_data")
    told = {tuple(f"TLS_{row[n]}" if n == "cipher_suite" else row[n] for n in names) for row in truth["quic"]}
    assert set(rows(store, f"select {columns} from quic")) == told
    certificates = rows(store, "select cert_sha256, cert_names from quic where resumption is null")
    assert set(map(repr, certificates)) == {repr((truth["certificate"]["sha256"], truth["certificate"]["names"]))}
    assert rows(store, "select count(*) from quic where client_scid is null and ja4 like 'q13d%'")[0][0] >= 1
    assert rows(store, "select distinct protocol from flows where resp_port = 443") == [("quic",)]


def test_every_secret_that_opened_quic_is_named(film_by_http3: tuple[Store, dict[str, Any]], samples: Path) -> None:
    store, _ = film_by_http3
    lines = [line.split() for line in (samples / "quic" / "hls-h3.keys").read_text().splitlines()]
    given = {(label, hashlib.sha256(bytes.fromhex(secret)).hexdigest()) for label, _, secret in lines}
    used = set(rows(store, "select label, secret_sha256 from decrypted"))
    assert used == {each for each in given if each[0] != "EXPORTER_SECRET"}
    early = rows(store, "select distinct label from http join decrypted using (flow_id, secret_sha256) order by 1")
    assert early == [("CLIENT_EARLY_TRAFFIC_SECRET",), ("CLIENT_TRAFFIC_SECRET_0",)]
    assert {
        updates for (updates,) in rows(store, "select key_updates from decrypted where label like '%TRAFFIC_SECRET_0'")
    } == {0, 1}


def test_opened_quic_is_verified(film_by_http3: tuple[Store, dict[str, Any]]) -> None:
    assert verify(film_by_http3[0], workers=1).is_confirmed


@pytest.mark.parametrize("block_bytes", [9_973, 70_001])
def test_the_size_of_the_blocks_changes_nothing_in_opened_quic(
    film_by_http3: tuple[Store, dict[str, Any]], samples: Path, tmp_path: Path, block_bytes: int
) -> None:
    folder, store = samples / "quic", Store.create(tmp_path / "case")
    options = Options(block_bytes=block_bytes, keylogs=keylogs_at([folder / "hls-h3.keys"]))
    analyze_capture(str(folder / "hls-h3.pcap"), store, options=options, cores=1)
    for table in ("http", "objects", "quic", "decrypted", "playlists", "sessions", "transport_streams"):
        query = f"select * from {table} order by all"
        assert rows(store, query) == rows(film_by_http3[0], query), table


@pytest.mark.parametrize("with_keys", [True, False])
def test_tls_behind_a_proxy(samples: Path, tmp_path: Path, with_keys: bool) -> None:
    folder = samples / "tls"
    truth = json.loads((folder / "behind-proxy.truth.json").read_text())
    store = Store.create(tmp_path / "case")
    options = Options(keylogs=keylogs_at([folder / "behind-proxy.keys"])) if with_keys else None
    analyze_capture(str(folder / "behind-proxy.pcap"), store, options=options, cores=1)
    asked = rows(store, "select client_ip, client_port, target, status from http where method = 'CONNECT' order by 2")
    assert asked == sorted(tuple(row.values()) for row in truth["tunnels"])
    told = {(row["server_name"], row["tls_version"].replace("v", " ")) for row in truth["tls"]}
    assert set(rows(store, "select server_name, tls_version from tls")) == told
    inside = rows(
        store, "select target, status, response_body_bytes, secret_sha256 is not null from http where method = 'GET'"
    )
    if not with_keys:
        assert inside == []
        assert rows(store, "select name, sum(count) from anomalies where name like 'TLS%' group by 1") == [
            ("TLS_not_opened", 2)
        ]
        return
    assert sorted(inside) == sorted((row["target"], row["status"], row["body_bytes"], True) for row in truth["tls"])
    (session,) = truth["sessions"]
    for media in session["media"]:
        (place,) = rows(store, f"select capture_id, flow_id, stream_offset from objects where name = '{media['url']}'")
        assert hashlib.sha256(body_of_case(store, *place).data).hexdigest() == media["sha256"]
    assert rows(store, "select stream, bytes from sessions") == [
        (session["stream"], sum(media["body_bytes"] for media in session["media"]))
    ]
    assert rows(store, "select name from anomalies where name not like 'PACKETS%'") == []
    assert rows(store, "select count(distinct secret_sha256) from decrypted") == [(2,)]
    assert rows(store, "select count(*) from decrypted where secret_sha256 is null") == [(0,)]
    assert rows(store, "select distinct server_ip from http where method = 'GET' union select server_ip from tls") == [
        (None,)
    ]
    assert rows(store, "select edge_host, edge_ip from sessions") == [(session["chain"][-1]["host"], None)]


def test_rtmps_is_rtmp_inside(samples: Path, tmp_path: Path) -> None:
    folder = samples / "tls"
    truth = json.loads((folder / "rtmps-play.truth.json").read_text())
    store = Store.create(tmp_path / "case")
    options = Options(keylogs=keylogs_at([folder / "rtmps-play.keys"]))
    analyze_capture(str(folder / "rtmps-play.pcap"), store, options=options, cores=1)
    (viewing,), (server,), (tls,) = truth["sessions"], truth["rtmp"], truth["tls"]
    asked = rows(store, "select tc_url, secret_sha256 is not null from rtmp where command = 'connect'")
    assert asked == [(server["tc_url"], True)]
    ((video, audio),) = rows(store, "select video_messages, audio_messages from rtmp_media")
    assert video >= viewing["packets_at_least"]["video"]
    assert audio >= viewing["packets_at_least"]["audio"]
    stream = f"{viewing['app']}/{viewing['name']}?{viewing['query']}"
    (edge,) = viewing["chain"]
    columns = "delivery, kind, client_ip, stream, edge_host, edge_ip, edge_port"
    assert rows(store, f"select {columns} from sessions") == [
        ("rtmp", "live", viewing["client_ip"], stream, edge["host"], edge["ip"], edge["port"])
    ]
    version = tls["tls_version"].replace("v", " ")
    told = [(tls["client_port"], edge["host"], version, tls["cipher_suite"])]
    assert rows(store, "select client_port, server_name, tls_version, cipher_suite from tls") == told
    assert rows(store, "select name from anomalies where name not like 'PACKETS%'") == []


@pytest.mark.parametrize("seed", range(3))
def test_frames_lost_and_out_of_order_in_http_3(samples: Path, tmp_path: Path, seed: int) -> None:
    """What is told to be complete is it, and what is not says so: in its exchange, its body and its session."""
    folder, generator = samples / "quic", random.Random(seed)
    truth = json.loads((folder / "hls-h3.truth.json").read_text())
    data = (folder / "hls-h3.pcap").read_bytes()
    records, at = [], 24
    while at < len(data):
        size = 16 + struct.unpack_from("<I", data, at + 8)[0]
        records.append(data[at : at + size])
        at += size
    kept = [n for n, record in enumerate(records) if n < 12 or len(record) < 400 or generator.random() > 0.02]
    kept.sort(key=lambda n: n + generator.uniform(0, 5))
    (tmp_path / "hurt.pcap").write_bytes(data[:24] + b"".join(records[n] for n in kept))
    store = Store.create(tmp_path / "case")
    options = Options(keylogs=keylogs_at([folder / "hls-h3.keys"]))
    analyze_capture(str(tmp_path / "hurt.pcap"), store, options=options, cores=1)
    media = {row["url"]: row for session in truth["sessions"] for row in session["media"]}
    found = rows(store, "select name, complete, bytes, missing_bytes, capture_id, flow_id, stream_offset from objects")
    lost = 0
    for name, complete, size, missing, *place in found:
        if name not in media:
            continue
        if complete:
            assert hashlib.sha256(body_of_case(store, *place).data).hexdigest() == media[name]["sha256"]
        else:
            lost += 1
            assert size < media[name]["body_bytes"]
            assert missing is None or size + missing <= media[name]["body_bytes"]
    assert lost > 0
    ((gaps,),) = rows(store, "select count(*) from anomalies where name = 'QUIC_stream_gap'")
    assert gaps > 0
    hurt = "select count(*) from http where not complete and interrupted in ('gap', 'ended early', 'no response')"
    assert rows(store, hurt)[0][0] >= lost
    assert rows(store, "select count(*) from sessions where completeness <> 'complete'")[0][0] > 0


@pytest.mark.parametrize("carried_as", ["doh", "dot"])
def test_names_that_were_asked_for_under_encryption_are_read(folder: Path, tmp_path: Path, carried_as: str) -> None:
    query = dns.message.make_query("panel.hidden.example", "A", id=0)
    answer = dns.message.make_response(query)
    answer.answer.append(dns.rrset.from_text("panel.hidden.example.", 300, "IN", "A", "203.0.113.77"))
    both = [message.to_wire() for message in (query, answer)]
    if carried_as == "doh":
        heads = [b"POST /dns-query HTTP/1.1\r\nHost: dns.example", b"HTTP/1.1 200 OK"]
        mark = b"\r\nContent-Type: application/dns-message\r\nContent-Length: %d\r\n\r\n"
        both = [head + mark % len(body) + body for head, body in zip(heads, both, strict=True)]
    else:
        both = [len(body).to_bytes(2) + body for body in both]
    asked = talks.talk(request=both[0], answer=both[1])
    talks.write_capture(folder / "box.pcap", [asked], server_port=443 if carried_as == "doh" else 853)
    (folder / "keys.log").write_text(asked.keylog)
    store = analyzed(folder, tmp_path / "case")
    columns = "from_orig, is_response, query_name, addresses, carried_as, client_ip, secret_sha256 IS NOT NULL"
    assert rows(store, f"SELECT {columns} FROM dns ORDER BY is_response") == [
        (True, False, "panel.hidden.example", None, carried_as, "192.168.1.40", True),
        (False, True, "panel.hidden.example", ["203.0.113.77"], carried_as, "192.168.1.40", True),
    ]
    assert rows(store, "SELECT name FROM anomalies") == []
