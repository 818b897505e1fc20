"""Tokens have the shape that a passive observer relies on."""

import base64

from .tokens import Vault, proxy_prefix

VAULT = Vault("one installation")


def test_a_token_is_read_by_its_installation_only():
    token = VAULT.seal_json({"stream_id": 7, "url": "http://a.example/b"})
    assert VAULT.open(token) == '{"stream_id":7,"url":"http:\\/\\/a.example\\/b"}'
    assert VAULT.open_json(token) == {"stream_id": 7, "url": "http://a.example/b"}
    assert Vault("another").open_json(token) is None


def test_characters_and_length_are_those_of_real_tokens():
    token = VAULT.seal("live/user/password/123/ts")
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(base64.urlsafe_b64decode(token + "==")) % 16 == 0


def test_equal_beginnings_give_equal_beginnings():
    first, second, other = (
        VAULT.seal(f"{user}/secret9/203.0.113.9/101/101_{n}.ts")
        for user, n in (("a" * 16, 1), ("a" * 16, 2), ("b" * 16, 1))
    )
    assert first != second
    assert first[:42] == second[:42]
    assert first[:21] != other[:21]


def test_what_is_no_token_is_refused():
    for text in ("", "%", "abc", "a" * 5000, VAULT.seal("no JSON"), VAULT.seal("[1]"), VAULT.seal("{")):
        assert VAULT.open_json(text) is None


def test_proxy_prefix_is_stable_per_proxy_and_edge():
    assert proxy_prefix("s", "lb1") == proxy_prefix("s", "lb1")
    assert len({proxy_prefix("s", "lb1"), proxy_prefix("s", "lb2"), proxy_prefix("t", "lb1")}) == 3
