"""Tokens with equal first blocks: whose they are, what does not count."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from iptvforensics.entities.model import Place
from iptvforensics.entities.requests import read_requests
from iptvforensics.entities.sites import Sites
from iptvforensics.entities.tokens import Tokens, read_tokens
from tests.lab.panel.tokens import Vault

from .conftest import BASE_NS

VAULT, OTHER = Vault("osprey"), Vault("heron")


def auth(vault: Vault, user: str = "u1", number: int = 101) -> str:
    return vault.seal_json({"stream_id": number, "username": user, "password": "p1", "extension": "ts"})


def pairs(lab) -> list[tuple[str, str]]:
    bench = lab.bench()
    return sorted(read_tokens(bench, read_requests(bench), Sites(1, {})).between(lambda host: host))


def sent(lab, panel: str, edge: str, token: str, user: str = "u1", kind: str = "auth") -> None:
    lab.get(f"/live/{user}/p1/101.ts", panel, 302, location=f"http://{edge}/{kind}/{token}")


def test_another_user_and_another_number_with_the_same_digits_share_a_block(lab):
    sent(lab, "tv.example", "e1.example", auth(VAULT))
    sent(lab, "new.example", "e2.example:8080", auth(VAULT, "somebody", 1017), "somebody")
    assert pairs(lab) == [("e1.example", other) for other in ("e2.example", "new.example", "tv.example")]


def test_another_secret_and_another_number_share_nothing(lab):
    sent(lab, "tv.example", "e1.example", auth(VAULT))
    sent(lab, "new.example", "e2.example", auth(OTHER))
    sent(lab, "old.example", "e3.example", auth(VAULT, number=202))
    assert pairs(lab) == []


@pytest.mark.parametrize(
    "token",
    [
        base64.urlsafe_b64encode(json.dumps({"stream_id": 101, "user": "somebody", "x": 12345}).encode()[:48]).decode(),
        "3c6e0b8a9c15224a8228b9a98ca1531d" * 2,
        base64.urlsafe_b64encode(bytes(32)).decode().rstrip("="),
        auth(VAULT)[:-3],
    ],
    ids=["text", "hexadecimal", "zeros", "no whole blocks"],
)
def test_what_is_no_cipher_text_does_not_count(lab, token):
    sent(lab, "tv.example", "e1.example", token)
    sent(lab, "new.example", "e2.example", token)
    assert pairs(lab) == []


def headed(length: int, number: int) -> str:
    header = bytes.fromhex("01000000d08c9ddf0115d1118c7a00c04fc297eb5a11ce77c0ffee42badcab1e")[:length]
    body = hashlib.sha512(str(number).encode()).digest()
    return base64.urlsafe_b64encode((header + body)[:64]).decode().rstrip("=")


@pytest.mark.parametrize("length", [16, 20, 32])
def test_what_all_tokens_of_a_host_begin_with_is_a_format(lab, length):
    for number, host in enumerate(("one.example", "two.example")):
        sent(lab, host, f"e-{host}", headed(length, number))
        sent(lab, host, f"e-{host}", headed(length, number + 10))
    assert pairs(lab) == []


def test_tokens_that_differ_first_within_a_block_are_none_of_blocks(lab):
    sent(lab, "one.example", "e1.example", headed(20, 1))
    sent(lab, "two.example", "e2.example", headed(20, 2))
    assert pairs(lab) == []


def test_a_block_counts_where_others_of_the_host_begin_otherwise(lab):
    for user in ("u1", "u2"):
        sent(lab, "tv.example", "e1.example", auth(VAULT, user))
    sent(lab, "new.example", "e2.example", auth(VAULT, "u3"))
    assert pairs(lab) == []
    sent(lab, "new.example", "e2.example", auth(VAULT, "u3", 202))
    assert pairs(lab) == [("e1.example", other) for other in ("e2.example", "new.example", "tv.example")]


def test_one_token_at_several_hosts_was_handed_on(lab):
    token = auth(VAULT)
    lab.get(f"/hls/{token}", "one.example")
    lab.get(f"/hls/{token}", "two.example")
    sent(lab, "tv.example", "up.example", token)
    sent(lab, "new.example", "up.example", token, "u9")
    assert pairs(lab) == []


def test_who_only_sends_clients_on_is_no_edge(lab):
    sent(lab, "tv.example", "e1.example", auth(VAULT))
    sent(lab, "tv.example", "e1.example", auth(VAULT, number=202))
    lab.get("/abc", "short.example", 302, location=f"http://e1.example/auth/{auth(VAULT, 'u7')}")
    bench = lab.bench()
    found = read_tokens(bench, read_requests(bench), Sites(1, {}))
    assert found.owners({"tv.example"}) == {"e1.example": "tv.example"}


def test_lists_playlists_and_requests_count(lab):
    one, two = (VAULT.seal(f"somebody/password/192.0.2.1/101/101_{n}.ts/u/1/h264/0") for n in (1, 2))
    lab.get(f"/hls/{one}", "e1.example")
    seen = {"ts_ns": BASE_NS, "frame_no": 7, "flow_id": 1, "from_orig": False, "stream_offset": 0}
    lab.add("playlist_entries", **seen, kind="media-segment", url=f"http://E2.example/hls/{two}")
    for host, number in (("tv.example", 101), ("[2001:db8::7]", 1012)):
        url = f"http://{host}:80/play/{VAULT.seal(f'live/somebody/p1/{number}/ts')}#.ts"
        lab.add("catalogue_entries", **seen, entry_url=url)
    lab.get(f"/auth/7.m3u8?token={auth(VAULT)}", "e3.example")
    lab.get(f"/{'0a' * 16}/auth/{auth(VAULT, 'u9')}", "e4.example:8080")
    expected = [("[2001:db8::7]", "tv.example"), ("e1.example", "e2.example"), ("e3.example", "e4.example")]
    assert pairs(lab) == expected


def test_without_any_token_nothing_is_asked(lab):
    lab.watch(user="u1")
    assert pairs(lab) == []


def tokens(*groups: str) -> Tokens:
    place = Place("c", 1, 1)
    seen = {str(number): dict.fromkeys(hosts.split(), place) for number, hosts in enumerate(groups)}
    return Tokens(seen, {host for hosts in seen.values() for host in hosts})


def test_owner_is_found_by_way_of_other_hosts():
    found = tokens("tv e1", "e1 e2", "e2 e3", "other e9")
    assert found.owners({"tv", "other"}) == {"e1": "tv", "e2": "tv", "e3": "tv", "e9": "other"}


def test_two_panels_leave_edges_to_nobody():
    assert tokens("tv e1", "e1 new").owners({"tv", "new"}) == {}
    assert tokens("e1 e2").owners({"tv"}) == {}


def test_what_is_shared_with_the_host_in_question_comes_first():
    found = tokens("e1 e2", "e1 tv")
    assert found.of("e1", "tv")[:2] == ("e1", "tv")
    assert found.of("e2", "tv")[:2] == ("e2", "e1")
    assert found.of("nobody", "tv") is None


def test_many_hosts_with_one_block_give_few_pairs():
    found = tokens(" ".join(f"h{n}" for n in range(20_000)))
    assert len(found.between(lambda host: host)) == 19_999
    assert len(found.owners({"h7"})) == 19_999
    assert found.between(lambda host: host[:2] if host[1] < "3" else None).keys() == {("h0", "h1"), ("h0", "h2")}
