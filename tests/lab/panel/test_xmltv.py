"""The guide as XMLTV is well-formed, in the panel's time zone, and the same as the programmes."""

import gzip
import xml.etree.ElementTree as ET
from datetime import datetime

from .conftest import LOGIN, NOW, Client
from .guide import programmes


def test_channels_and_programmes(client):
    reply = client.ask("/xmltv.php", LOGIN)
    root = ET.fromstring(reply.body)
    assert (root.tag, root.get("generator-info-name")) == ("tv", "Heron TV")
    assert [c.get("id") for c in root.findall("channel")] == ["heron1.example", "news.example"]
    assert root.find("channel[2]/display-name").text == 'Heron, "News"'
    rows = root.findall("programme[@channel='heron1.example']")
    wanted = programmes(client.panel.catalogue.channels[101], NOW - 86_400, NOW + 86_400)
    read = [(int(datetime.strptime(r.get("start"), "%Y%m%d%H%M%S %z").timestamp()), r.find("title").text) for r in rows]
    assert read == [(p.start, p.title) for p in wanted]
    assert rows[0].get("start").endswith(" +0900")
    assert any("<Quiet>" in title for _, title in read), "signs of XML in titles"
    assert reply.content_type == "application/xml; charset=utf-8"
    assert reply.compress
    assert client.request.said["did"] == "guide"


def test_the_same_guide_as_a_file(client):
    plain = client.ask("/xmltv.php", LOGIN).body
    packed = client.ask("/epg/viewer1/pw1word/gz")
    assert packed.content_type == "application/gzip"
    assert gzip.decompress(packed.body) == plain
    assert gzip.decompress(client.ask("/xmltv.php", {**LOGIN, "gz": "1"}).body) == plain
    assert client.ask("/epg/viewer1/pw1word").body == plain
    assert client.ask("/xmltv", LOGIN).body == plain


def test_size_of_the_guide():
    short = Client(guide={"past_hours": 0, "hours": 1}).ask("/xmltv.php", LOGIN).body
    assert short.count(b"<programme") < 8
    assert Client().ask("/xmltv.php", {"username": "a", "password": "b"}).body == b'{"user_info":{"auth":0}}'
