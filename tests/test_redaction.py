"""Secrets are replaced wherever they stand, by the same pseudonym, and nothing else is."""

from __future__ import annotations

import json
import os
import re
import stat
import struct
import tempfile
from base64 import b64encode
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from iptvforensics.batch import analyze_many
from iptvforensics.case import open_case
from iptvforensics.errors import CaseError
from iptvforensics.redaction import KEY_FILE, Redactor, may_hold_secrets
from iptvforensics.schema import Column
from iptvforensics.store import Store


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(bytes(32))


SECRET_TEXTS = {
    "path": "http://tv.example/live/viewer23/pw23pw/77.m3u8",
    "path-in-folder": "http://tv.example/timeshift/viewer23/pw23pw/60/2026-01-01:10-00/77.ts",
    "bare-path": "http://tv.example:8080/viewer23/pw23pw/77",
    "query": "http://tv.example/player_api.php?username=viewer23&password=pw23pw&action=get_live",
    "user-information": "rtsp://viewer23:pw23pw@cam.example/1",
    "cookie": "Cookie: token=viewer23pw23pw; mac=00:1A:79:00:00:01",
    "authorization": "Authorization: Bearer viewer23.pw23pw",
    "json": '{"username": "viewer23", "password": "pw23pw", "auth": 1}',
    "play-token": "http://tv.example/play/dmlld2VyMjM6cHcyM3B3/ts",
}


@pytest.mark.parametrize("text", SECRET_TEXTS.values(), ids=SECRET_TEXTS)
def test_secrets_in_texts_are_replaced(redactor: Redactor, text: str) -> None:
    found = redactor.text(text)
    assert "redacted-" in found
    for secret in ("viewer23", "pw23pw", "dmlld2Vy", "00:1A:79"):
        assert secret not in found


@pytest.mark.parametrize(
    "text",
    [
        "http://edge.example/hls/news24-5.ts",
        "http://vod.example/film/4711/high/part005.ts",
        "http://tv.example/live/alpha/index3.ts",
        "http://api.example/list?category=7&page=2&sort=token",
        "Content-Type: video/mp2t",
        "MPEG transport stream, 188 bytes",
        "",
    ],
)
def test_what_is_no_secret_stays(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text


@pytest.mark.parametrize(
    "name", ["password", "username", "cookie", "set_cookie", "authorization", "token", "play_token"]
)
def test_secret_columns_are_replaced_whole(redactor: Redactor, name: str) -> None:
    assert str(redactor.value(name, "pw23pw")).startswith("redacted-")
    assert "pw23pw" not in str(redactor.value(name, ["pw23pw", "a=pw23pw; Path=/", "Basic pw23pw="]))
    assert redactor.value(name, None) is None


def test_a_secret_has_one_pseudonym_everywhere(redactor: Redactor) -> None:
    pseudonym = redactor.value("password", "p w=23")
    assert pseudonym in redactor.text("http://tv.example/x?password=p%20w%3D23&a=1")
    assert pseudonym in redactor.text("http://u:p%20w%3D23@tv.example/")
    assert redactor.value("password", "other") != pseudonym


def test_what_was_learnt_is_found_as_a_word_of_any_text(redactor: Redactor) -> None:
    redactor.learn("password", ["pw23pw", "abc"])
    found = redactor.text("asked for pw23pw, twice: /x/pw23pw/y but pw23pwx and abc stay")
    assert found.count(redactor.value("password", "pw23pw")) == 2
    assert found.endswith("but pw23pwx and abc stay")


def test_cookies_keep_their_names_and_attributes(redactor: Redactor) -> None:
    found = redactor.value("set_cookie", ["sid=abcdef; Path=/; Expires=Thu, 01 Jan 2026 00:00:00 GMT; HttpOnly"])
    assert found[0].startswith("sid=redacted-")
    assert found[0].endswith("; Path=/; Expires=Thu, 01 Jan 2026 00:00:00 GMT; HttpOnly")


def test_redaction_twice_is_redaction_once(redactor: Redactor) -> None:
    once = redactor.text(SECRET_TEXTS["query"])
    assert redactor.text(once) == once


def test_rows_keep_their_form(redactor: Redactor) -> None:
    row = (1, None, True, 0.5, ["http://u:secret@h.example/"], {"password": "secret"})
    ((n, none, flag, real, urls, data),) = redactor.rows(["a", "b", "c", "d", "e", "f"], [row])
    assert (n, none, flag, real) == row[:4]
    assert "secret" not in str(urls) + str(data)


def test_the_key_belongs_to_the_case_and_its_owner(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = Redactor.of_case(tmp_path / "a").value("password", "x")
    assert stat.S_IMODE((tmp_path / "a" / KEY_FILE).stat().st_mode) == 0o600
    assert Redactor.of_case(tmp_path / "a").value("password", "x") == first
    assert Redactor.of_case(tmp_path / "b").value("password", "x") != first


def test_a_key_that_cannot_be_made_is_an_error_of_the_case(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="the key of pseudonyms cannot be made"):
        Redactor.of_case(tmp_path / "none")
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(CaseError, match="the key of pseudonyms cannot be read"):
        Redactor.of_case(tmp_path)


@pytest.mark.parametrize("text", [b"", b"\n", b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 64])
def test_a_key_that_is_not_whole_makes_no_pseudonyms(tmp_path: Path, text: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(text)
    with pytest.raises(CaseError, match="not whole"):
        Redactor.of_case(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == text


@pytest.mark.parametrize("written", [0, 10])
def test_a_key_that_cannot_be_written_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    monkeypatch.setattr(os, "write", lambda file, data: written)
    with pytest.raises(CaseError, match="cannot be written"):
        Redactor.of_case(tmp_path)
    assert not (tmp_path / KEY_FILE).exists()
    monkeypatch.undo()
    assert Redactor.of_case(tmp_path).value("password", "x").startswith("redacted-")


def test_secrets_are_learnt_from_texts_only() -> None:
    assert may_hold_secrets(Column("url", "text", ""))
    assert may_hold_secrets(Column("request_headers", "text[]", ""))
    assert not may_hold_secrets(Column("url_count", "int", ""))
    assert not may_hold_secrets(Column("sha256", "text", ""))


@pytest.mark.parametrize(
    "written", ["00:1A:79:00:00:01", "00-1a-79-00-00-01", "001a79000001", "00%3A1A%3A79%3A00%3A00%3A01"]
)
def test_a_claimed_address_has_one_pseudonym_however_it_is_written(written: str) -> None:
    redactor = Redactor(b"k" * 32)
    expected = redactor.value("mac", "00:1a:79:00:00:01")
    assert redactor.value("mac", written) == expected
    assert redactor.value("claimed_macs", [written]) == [expected]
    if "%" in written or ":" in written:
        assert written not in redactor.text(f"cookie mac={written}; x")
        assert expected in redactor.text(f"sends with {written}")


@pytest.mark.parametrize(
    "column", ["username", "password", "mac", "token", "serial", "claimed_macs", "person", "phone"]
)
def test_columns_of_entities_hold_secrets(column: str) -> None:
    redactor = Redactor(b"k" * 32)
    assert str(redactor.value(column, "secret-value")).startswith("redacted-")
    assert "secret-value" not in redactor.text("line: host user secret-value")


def test_observed_addresses_stay_unless_they_are_claimed() -> None:
    redactor = Redactor(b"k" * 32)
    assert redactor.value("macs", ["02:00:5e:00:00:01"]) == ["02:00:5e:00:00:01"]
    redactor.learn("claimed_macs", [["02:00:5e:00:00:01"]])
    assert redactor.value("macs", ["02:00:5e:00:00:01"]) != ["02:00:5e:00:00:01"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("DHCP client identifier: 01a4bb6d117e08", "DHCP client identifier: 01%"),
        ("01:a4:bb:6d:11:7e:08", "01:%"),
        ("DUID 0001000130C0FFEEA4BB6D117E08", "DUID 0001000130C0FFEE%"),
        ("names itself stb-A4-BB-6D-11-7E-08.lan", "names itself stb-%.lan"),
        ("A4%3ABB%3A6D%3A11%3A7E%3A08", "%"),
        ("a4bb.6d11.7e08", "%"),
        ("uuid:11111111-2222-1333-8444-a4bb6d117e08", "uuid:11111111-2222-1333-8444-%"),
        ("fe80::a6bb:6dff:fe11:7e08", "fe80::%"),
        ("http://[2001:db8:0:1:A6BB:6DFF:FE11:7E08]:80/", "http://[2001:db8:0:1::%]:80/"),
        ("8.0.e.7.1.1.e.f.f.f.d.6.b.b.6.a.0.0.0.0", "%.0.0.0.0"),
        ("a4bb6d117e09 fe80::a6bb:6dff:fe11:7e09", "a4bb6d117e09 fe80::a6bb:6dff:fe11:7e09"),
    ],
)
def test_a_claimed_address_is_found_inside_of_other_digits(text: str, left: str) -> None:
    redactor = Redactor(b"k" * 32)
    redactor.learn("claimed_macs", [["a4:bb:6d:11:7e:08"]])
    assert redactor.text(text) == left.replace("%", redactor.value("mac", "a4:bb:6d:11:7e:08"), 1)


def test_an_interface_identifier_with_zeros_left_out_is_found() -> None:
    redactor = Redactor(b"k" * 32)
    redactor.learn("client_mac", ["02:00:5e:00:01:20"])
    assert redactor.text("fe80::5eff:fe00:120") == f"fe80::{redactor.value('mac', '02:00:5e:00:01:20')}"


def test_an_address_of_zeros_is_not_looked_for_in_other_digits() -> None:
    redactor = Redactor(b"k" * 32)
    redactor.learn("mac", ["00:00:00:00:00:00"])
    assert redactor.text("a0000000000000b") == "a0000000000000b"


@pytest.mark.parametrize("text", ["serial %.", "box-%.lan", "sn=%&x", "(%)"])
@pytest.mark.parametrize("serial", ["X1234Y", "X/1234 Y", "AB-1234"])
def test_serial_numbers_are_found_in_texts(text: str, serial: str) -> None:
    redactor = Redactor(b"k" * 32)
    redactor.learn("serial", [serial])
    assert serial not in redactor.text(text.replace("%", serial))


def test_no_secret_of_a_case_is_left_in_the_tables_of_entities(sample_case: Path) -> None:
    with open_case(sample_case) as case:
        redactor = case.redactor()
        for name in ("lines", "panels", "links", "merges", "evidence", "devices"):
            found = case.rows(name)
            text = str(list(redactor.rows(found.columns, list(found.rows))))
            assert "viewer23" not in text, name
            assert "pw23pw" not in text, name


@pytest.mark.parametrize("name", ["playlist_viewer23_plus.m3u", "playlist_viewer23.m3u8", "simple_viewer23.txt"])
def test_names_of_lists_hold_the_user(redactor: Redactor, name: str) -> None:
    text = redactor.text(f'attachment; filename="{name}"')
    assert "viewer23" not in text
    assert redactor.value("username", "viewer23") in text


def test_dhcp_does_not_undo_the_pseudonyms_of_addresses(samples: Path, tmp_path: Path) -> None:
    analyze_many([str(samples / "dhcp" / "leases.pcap")], Store.create(tmp_path / "case"), workers=1)
    with open_case(tmp_path / "case") as case:
        asked = (("dhcp", "client_mac"), ("dhcp6", "client_duid_mac"))
        macs = {mac for table, column in asked for (mac,) in case.rows(table, [column]).rows if mac}
        redactor = case.redactor()
        text = ""
        for name in case.count_rows():
            found = case.rows(name)
            text += str(list(redactor.rows(found.columns, list(found.rows)))).lower()
        assert macs
        for mac in macs:
            assert mac not in text
            assert mac.replace(":", "") not in text


# --- generated names and passwords, through the whole analysis -----------------------------------------------------

CLIENT, SERVER = bytes([192, 168, 1, 11]), bytes([198, 51, 100, 8])
LIST = "application/octet-stream"
CREDENTIAL = st.text("abqzXY79 @:#/%&+.-_=,;?!'\"<>\\é한", min_size=4, max_size=14).filter(
    lambda s: s == s.strip() and sum(map(str.isalnum, s)) >= 3 and "://" not in s
)
PAIRS = st.lists(st.tuples(CREDENTIAL, CREDENTIAL), min_size=9, max_size=9, unique_by=(lambda p: p[0], lambda p: p[1]))


def capture_of(exchanges: list[tuple[bytes, bytes]]) -> bytes:
    """Return a capture of HTTP exchanges, each on its own connection; link type: IP."""
    packets = []
    for number, (request, response) in enumerate(exchanges):
        port, sent, received = 40000 + number, 1000, 5000
        for from_client, flags, data in (
            (True, 2, b""),
            (False, 0x12, b""),
            (True, 0x18, request),
            (False, 0x18, response),
            (True, 0x11, b""),
            (False, 0x11, b""),
        ):
            ports, numbers = ((port, 80), (sent, received)) if from_client else ((80, port), (received, sent))
            tcp = struct.pack(">HHIIBBHHH", *ports, *numbers, 0x50, flags, 65000, 0, 0) + data
            ends = CLIENT + SERVER if from_client else SERVER + CLIENT
            packets.append(struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ends + tcp)
            size = len(data) + (flags & 3 > 0)
            sent, received = (sent + size, received) if from_client else (sent, received + size)
    records = b"".join(struct.pack("<IIII", 1795680000 + at, 0, len(p), len(p)) + p for at, p in enumerate(packets))
    return struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101) + records


def exchange(
    target: str, body: str = "", fields: str = "", kind: str = "text/plain", answer: str = ""
) -> tuple[bytes, bytes]:
    """Return a request and its answer."""
    data = body.encode()
    request = f"GET {target} HTTP/1.1\r\nHost: tv.example\r\nUser-Agent: okhttp/4.9.1\r\n{fields}\r\n"
    status = "302 Found" if answer.startswith("Location") else "200 OK"
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{answer}\r\n"
    return request.encode(), head.encode() + data


def exchanges_with(pairs: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return exchanges that hold each pair of user name and password in another way."""
    safe = [(quote(u, safe=""), quote(p, safe="")) for u, p in pairs]
    (u2, p2), (u3, p3), (u5, p5), (u6, p6) = (pairs[n] for n in (2, 3, 5, 6))
    login = {
        "user_info": {"username": u2, "password": p2, "auth": 1},
        "server_info": {"url": "tv.example", "port": "80"},
    }
    basic = b64encode(f"{u3}:{p3}".encode()).decode()
    plus = f"username={quote_plus(u5)}&password={quote_plus(p5)}"
    lower = re.sub("%..", lambda m: m[0].lower(), f"{safe[8][0]}/{safe[8][1]}")
    entries = f'#EXTM3U\r\n#EXTINF:-1 tvg-id="",One\r\nhttp://tv.example/live/{u6}/{p6}/9.ts\r\n'
    guide = f'<tv><channel id="1"><icon src="http://tv.example/get.php?{escape(plus)}"/></channel></tv>'
    token = "Qq1_" * 16
    return [
        exchange(f"/live/{safe[0][0]}/{safe[0][1]}/9.ts"),
        exchange(
            f"/player_api.php?username={safe[1][0]}&password={safe[1][1]}", json.dumps(login), kind="application/json"
        ),
        exchange("/panel", json.dumps({"username": u2, "password": p2}, ensure_ascii=False), kind="application/json"),
        exchange("/admin", fields=f"Authorization: Basic {basic}\r\n"),
        exchange("/c/", fields=f"Cookie: username={safe[4][0]}; password={safe[4][1]}\r\n"),
        exchange(
            f"/get.php?{plus}&type=m3u_plus",
            f"#EXTM3U\r\n#EXTINF:-1,Two\r\nhttp://tv.example/live/{u5}/{p5}/7.ts\r\n",
            kind=LIST,
        ),
        exchange("/list.m3u", entries, kind=LIST),
        exchange(
            f"/movie/{safe[7][0]}/{safe[7][1]}/5.mp4",
            answer=f"Location: http://edge.example/vauth/{token}?username={safe[7][0]}&password={safe[7][1]}\r\n",
            fields=f"Referer: http://{safe[7][0]}:{safe[7][1]}@tv.example/\r\n",
        ),
        exchange(f"/{lower}/8.ts", answer=f"Location: http://edge.example/auth/{token}\r\n"),
        exchange(f"/xmltv.php?username={safe[1][0]}&password={safe[1][1]}", guide, kind="text/xml"),
    ]


def left_in(text: str, secret: str) -> bool:
    """Return True if a text holds a secret, written in any way."""
    readings = [text, unquote(text), unquote(unquote(text)), unescape(text), unquote(unescape(text))]
    readings += [re.sub(r"\\(.)", r"\1", reading) for reading in readings]
    readings += [re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), reading) for reading in readings[:5]]
    whole = re.compile(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])")
    coded = b64encode(secret.encode()).decode().rstrip("=")
    return any(whole.search(r) or whole.search(r.replace("+", " ")) for r in readings) or coded in text


def leaks_of(pairs: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Return the secrets left in a redacted case, with the table and the text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.pcap"
        path.write_bytes(capture_of(exchanges_with(pairs)))
        analyze_many([str(path)], Store.create(Path(folder) / "case"), workers=1)
        left = []
        with open_case(Path(folder) / "case") as case:
            redactor = case.redactor()
            for name in case.count_rows():
                found = case.rows(name)
                for row in redactor.rows(found.columns, list(found.rows)):
                    for text in {t for v in row for t in (v if isinstance(v, list) else [v]) if isinstance(t, str)}:
                        left += [(name, s, text) for pair in pairs for s in pair if left_in(text, s)]
        return left


@settings(
    max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(PAIRS)
@example([(f"jo doe{n}", f"p@ss/wo:rd#{n}%41&+é") for n in range(9)])
def test_no_generated_secret_is_left_in_any_table(pairs: list[tuple[str, str]]) -> None:
    assert leaks_of(pairs) == []
