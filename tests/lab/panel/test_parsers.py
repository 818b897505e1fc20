"""The lab's panel answers, and the parsers find what its document holds; a client library of others is the judge."""

import json
from collections import Counter
from pathlib import Path

import pytest
from pyxtream import XTream

import iptvforensics
from iptvforensics.protocol import Anomaly, ContentInfo, Opening, Rows
from iptvforensics.protocols import registry

from .conftest import EXAMPLE, LOGIN, Client

PROTOCOLS = [p for p in registry().values() if "content" in p.carriers]
SAMPLES = Path(__file__).parents[3] / "sample_pcaps" / "panels"
NAMES = {str(c["id"]): c["name"] for c in EXAMPLE["channels"]}


class Read:
    """What the parser that is surest of a body finds in it."""

    def __init__(self, body, url, *, media_type=None, disposition=None, status=200, **extra):
        told = {"host": "tv.heron.example:8080", "content_disposition": disposition, **extra}
        about = ContentInfo(url, media_type, role="response", status=status, extra=told)
        opening = Opening("content", body[:8192], b"", info=about)
        scores = {p.name: p.detect(opening) or 0.0 for p in PROTOCOLS}
        self.protocol = max(scores, key=lambda name: scores[name])
        assert scores.pop(self.protocol) >= 0.5, url
        assert max(scores.values()) < 0.5, scores
        parser = registry()[self.protocol].parser(opening)
        self.events = parser.feed(memoryview(body), False) + parser.end(False)
        assert [event for event in self.events if isinstance(event, Anomaly)] == []

    def rows(self, table):
        found = [event for event in self.events if isinstance(event, Rows) and event.table == table]
        return [row.values for event in found for row in event.each()]

    @property
    def entries(self):
        return sorted(self.rows("catalogue_entries"), key=lambda row: row.get("item_no", 0))


def read(client, path, query=None, **more):
    reply = client.ask(path, query, **more)
    headers = {name.lower(): value for name, value in dict(reply.headers).items()}
    return Read(
        bytes(reply.body),
        f"http://tv.heron.example:8080{client.request.target}",
        media_type=headers.get("content-type"),
        disposition=headers.get("content-disposition"),
        status=reply.status,
        **{name: (more.get("headers") or {}).get(name) for name in ("cookie", "authorization")},
    )


@pytest.fixture(params=["xc", "xui", "xc_vm"])
def panel(request):
    return Client(software=request.param, traps=True)


def action(panel, name, **query):
    return read(panel, "/player_api.php", {**LOGIN, "action": name, **query})


def test_login(panel):
    found = read(panel, "/player_api.php", LOGIN)
    (row,) = found.rows("account_replies")
    assert (found.protocol, row["auth"], row["username"], row["password"]) == ("xtream", True, "viewer1", "pw1word")
    assert (row["max_connections"], row["expires_ns"], row["timezone"]) == (2, 1893456000 * 10**9, "Asia/Seoul")
    assert row["stated_host"] == "tv.heron.example"


def test_live_channels_and_their_categories(panel):
    found = action(panel, "get_live_streams").entries
    assert {row["entry_id"]: row["name"] for row in found} == NAMES
    assert Counter(row["kind"] for row in found)["radio"] == 1
    sources = {row["entry_url"] for row in found if "entry_url" in row}
    assert "http://origin.example:8081/s/103.ts" in sources
    categories = action(panel, "get_live_categories").entries
    assert [(row["kind"], row["section"]) for row in categories] == [("category", "live")] * len(categories)
    assert {row["category_id"] for row in found} <= {row["entry_id"] for row in categories}


def test_films_series_and_episodes(panel):
    films = action(panel, "get_vod_streams").entries
    assert len({row["entry_id"] for row in films}) == EXAMPLE["vod"]["titles"]
    assert {row["kind"] for row in films} == {"vod"}
    series = action(panel, "get_series").entries
    assert len({row["entry_id"] for row in series}) == EXAMPLE["vod"]["series"]
    told = panel.action("get_series_info", series_id="1")["episodes"]
    seasons = told.values() if isinstance(told, dict) else told
    ids = sorted(str(episode["id"]) for season in seasons for episode in season)
    episodes = [row for row in action(panel, "get_series_info", series_id="1").entries if row["kind"] == "episode"]
    assert sorted(row["entry_id"] for row in episodes) == ids
    assert {row["parent_id"] for row in episodes} == {"1"}


@pytest.mark.parametrize("name", ["get_short_epg", "get_simple_data_table"])
def test_guides_of_a_channel(panel, name):
    told = panel.action(name, stream_id="101")["epg_listings"]
    found = action(panel, name, stream_id="101").rows("programmes")
    assert len(found) == len(told)
    assert [row["start_ns"] for row in found] == [int(item["start_timestamp"]) * 10**9 for item in told]
    assert [row["end_ns"] for row in found] == [int(item["stop_timestamp"]) * 10**9 for item in told]


def test_the_whole_catalogue_in_one_reply(panel):
    found = read(panel, "/panel_api.php", LOGIN)
    assert {row["entry_id"] for row in found.entries if row["kind"] == "live"} <= set(NAMES)
    assert len(found.rows("account_replies")) == 1


@pytest.mark.parametrize("output", ["ts", "m3u8", "rtmp"])
def test_lists_for_players(panel, output):
    found = read(panel, "/get.php", {**LOGIN, "type": "m3u_plus", "output": output})
    names = Counter(row["name"] for row in found.entries if row["kind"] == "live")
    assert set(names) <= set(NAMES.values())
    assert found.protocol == "m3u"
    assert {row["username"] for row in found.entries} == {"viewer1"}


DEVICES = ["simple", "ariva", "starlivev3", "dreambox", "fps", "revosun", "zorro"]
DEVICES += ["gst", "mediastar", "octagon", "spark", "webtvlist", "starlivev5"]


@pytest.mark.parametrize("device", DEVICES)
def test_lists_for_receivers(client, device):
    found = read(client, "/get.php", {**LOGIN, "type": device})
    assert {row["name"] for row in found.entries if "entry_url" in row} >= set(NAMES.values())
    assert found.protocol == ("enigma2" if device == "dreambox" else "m3u")


@pytest.mark.parametrize("device", ["enigma22_script", "enigma216_script", "octagon_script"])
def test_scripts_for_receivers(client, device):
    (row,) = read(client, "/get.php", {**LOGIN, "type": device}).rows("account_replies")
    assert (row["username"], row["password"]) == ("viewer1", "pw1word")


def test_guide_in_xmltv(client):
    found = read(client, "/xmltv.php", LOGIN)
    (account,) = found.rows("account_replies")
    assert account["software"] == EXAMPLE["brand"]
    channels = {row["epg_id"] for row in found.entries}
    programmes = found.rows("programmes")
    assert programmes
    assert {row["channel_ref"] for row in programmes} <= channels
    assert all(row["start_ns"] < row["end_ns"] for row in programmes)


def test_pages_of_a_receiver(client):
    found = read(client, "/enigma2.php", {**LOGIN, "type": "get_live_streams", "cat_id": "0"})
    assert found.protocol == "enigma2"
    assert found.entries[0]["kind"] == "list"


# A client library of others ---------------------------------------------------------------------------------


@pytest.mark.parametrize("software", ["xc", "xui", "xc_vm"])
def test_the_parsers_and_pyxtream_find_the_same(programs, tmp_path, software):
    told = EXAMPLE | {"software": software, "traps": False}
    with programs(tmp_path, told) as started:
        client = XTream("heron", *LOGIN.values(), started["panel"].base, cache_path=str(tmp_path))
        assert client.load_iptv()
    judge = Client(software=software, traps=False)
    live = action(judge, "get_live_streams").entries
    assert [(str(c.id), c.name, c.epg_channel_id or None) for c in client.channels] == [
        (row["entry_id"], row["name"], row.get("epg_id")) for row in live
    ]
    films = action(judge, "get_vod_streams").entries
    assert [(str(m.id), m.name, m.url.rpartition(".")[2]) for m in client.movies] == [
        (row["entry_id"], row["name"], row["container"]) for row in films
    ]
    series = action(judge, "get_series").entries
    assert [(str(s.series_id), s.name) for s in client.series] == [(row["entry_id"], row["name"]) for row in series]
    (login,) = read(judge, "/player_api.php", LOGIN).rows("account_replies")
    user = client.auth_data["user_info"]
    assert (login["username"], login["password"], login["account_status"]) == (
        user["username"], user["password"], user["status"]
    )  # fmt: skip


# Recorded exchanges -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    files = [str(SAMPLES / name) for name in ("xtream-api.pcap", "stalker.pcap")]
    return iptvforensics.analyze(files, case=str(tmp_path_factory.mktemp("case") / "case"))


def truth(name):
    return json.loads((SAMPLES / f"{name}.truth.json").read_text())


def test_recorded_accounts_are_those_of_the_panels(case):
    rows = case.sql("select distinct host, username, password from account_replies where auth and username is not null")
    found = {tuple(row) for row in rows.itertuples(index=False)}
    lines = [(line["username"], line["password"]) for line in truth("xtream-api")["panel"]["lines"]]
    assert {row[1:] for row in found if "kestrel" in row[0]} <= set(lines)
    genuine = truth("stalker")["panels"]["genuine"]["lines"][0]
    assert ("portal.osprey-media.example", genuine["username"], genuine["password"]) in found


def test_recorded_channels_are_those_of_the_panels(case):
    query = "select distinct entry_id, name from catalogue_entries where family = '{}' and kind in ('live', 'radio')"
    for family, channels in (
        ("xtream", truth("xtream-api")["panel"]["channels"]),
        ("stalker", truth("stalker")["panels"]["genuine"]["channels"]),
    ):
        found = {tuple(row) for row in case.sql(query.format(family)).itertuples(index=False)}
        assert found == {(str(channel["id"]), channel["name"]) for channel in channels}


def test_recorded_boxes_are_told_from_programs(case):
    rows = case.sql("select distinct serial, marks from account_replies where action = 'get_profile' and auth")
    from_mac = {row.serial: "sn is made from the MAC" in list(row.marks) for row in rows.itertuples()}
    assert from_mac == {device["serial"]: device["from_mac"] for device in truth("stalker")["devices"]}


def test_nothing_recorded_from_the_panels_stays_unread(case):
    unread = case.sql("select name from objects where kind in ('json', 'text', 'xml') and role = 'response'")["name"]
    # A receiver's picture and answers to it are no list.
    assert [name for name in unread if "page=file" not in name] == []
    told = set(case.sql("select distinct name from anomalies")["name"])
    assert [name for name in told if name.partition("_")[0].lower() in {p.name for p in PROTOCOLS}] == []
