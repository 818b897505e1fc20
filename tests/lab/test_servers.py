"""Tokens of OTT operators and ports of feeds."""

import base64
import hashlib
import hmac
import itertools
import json

from .run import SCENARIOS
from .scenario import Account, read
from .servers import bearer, feed_ports


def test_a_token_names_its_account_and_is_signed():
    token = bearer(Account("a1", operator="ott", subject="sub-7"), "key", 1_800_000_000)
    head, body, signature = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    assert json.loads(head) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(body)["sub"] == "sub-7"
    assert json.loads(body)["exp"] > 1_800_000_000
    assert signature == hmac.new(b"key", token.rsplit(".", 1)[0].encode(), hashlib.sha256).digest()


def test_each_feed_has_two_ports_of_its_own():
    ports = sorted(feed_ports(read(SCENARIOS / "small.toml")).values())
    assert all(later - sooner >= 2 for sooner, later in itertools.pairwise(ports))
