"""Channels and titles: what is offered, what was watched, what it is called."""

from __future__ import annotations

import pytest


def offer(lab, **values):
    defaults = {"family": "xtream", "kind": "live", "host": "tv.example:8080", "entry_id": "77", "name": "Falcon News"}
    return lab.message("catalogue_entries", **{**defaults, **values})


def test_a_watched_number_gets_the_name_of_the_catalogue(lab):
    lab.watch()
    lab.rows["sessions"][-1]["channel"] = "Service"
    offer(lab, number=3, epg_id="falcon.id", category_id="5", archive_days=2.0)
    offer(lab, entry_id="78", name="Falcon Kids")
    offer(lab, kind="category", entry_id="5", name="News")
    tables = lab.build()
    channels = {row["stream_id"]: row for row in tables["channels"]}
    assert (channels["77"]["name"], channels["77"]["name_source"], channels["77"]["watched"]) == (
        "Falcon News", "catalogue", True,
    )  # fmt: skip
    assert (channels["77"]["number"], channels["77"]["epg_id"], channels["77"]["category"]) == (3, "falcon.id", "News")
    assert channels["78"]["watched"] is False
    [session] = tables["session_entities"]
    assert (session["channel"], session["name_source"]) == ("Falcon News", "catalogue")
    assert (tables["panels"][0]["channels"], tables["panels"][0]["titles"]) == (2, 0)


def test_films_and_episodes_are_titles(lab):
    lab.watch()
    offer(lab, kind="vod", entry_id="4711", name="A Film", container="mkv")
    offer(lab, kind="series", entry_id="9", name="A Series")
    offer(lab, kind="episode", entry_id="4712", name="A Series 1x01")
    offer(lab, kind="vod", entry_id="77", name="Film with the number of a channel")
    titles = {(row["kind"], row["stream_id"]): row["name"] for row in lab.build()["titles"]}
    assert titles == {
        ("movie", "4711"): "A Film", ("series", "9"): "A Series", ("episode", "4712"): "A Series 1x01",
        ("movie", "77"): "Film with the number of a channel",
    }  # fmt: skip


def test_lists_name_numbers_by_their_links(lab):
    lab.get("/get.php?username=u1&password=p1&type=m3u_plus")
    for kind, number in (("live", 77), ("movie", 4711)):
        offer(lab, family="m3u", kind=None, entry_id=None, name=f"{kind} {number}",
              entry_url=f"http://tv.example:8080/{kind}/u1/p1/{number}.ts")  # fmt: skip
    lab.watch()
    tables = lab.build()
    assert [(row["name"], row["name_source"]) for row in tables["channels"]] == [("live 77", "playlist")]
    assert [row["name"] for row in tables["titles"]] == ["movie 4711"]


def test_the_interface_names_before_the_list(lab):
    lab.watch()
    offer(lab, family="m3u", entry_id=None, name="ZZ", entry_url="http://tv.example/live/u1/p1/77.ts")
    offer(lab, name="From the interface")
    assert [row["name"] for row in lab.build()["channels"]] == ["From the interface"]


def test_offers_of_hosts_that_are_no_panel_are_left_out(lab):
    offer(lab, host="other.example")
    assert lab.build()["channels"] == []


def test_channels_of_a_guide_are_no_offer(lab):
    lab.watch()
    offer(lab)
    offer(lab, family="xmltv", entry_id="falcon.id")
    assert [row["stream_id"] for row in lab.build()["channels"]] == ["77"]


def categories(tables):
    return {(row.get("kind", "live"), row["category"]) for row in tables["channels"] + tables["titles"]}


@pytest.mark.parametrize("family", ["stalker", "xtream"])
def test_a_category_counts_in_its_part_of_the_catalogue(lab, family):
    lab.watch()
    for section, name in (("live", "News"), ("vod", "Action films"), ("series", "Drama"), (None, "Of no part")):
        offer(lab, family=family, kind="category", entry_id="1", name=name, section=section)
    for kind in ("live", "vod", "series"):
        offer(lab, family=family, kind=kind, category_id="1")
    assert categories(lab.build()) == {("live", "News"), ("movie", "Action films"), ("series", "Drama")}


def test_a_category_of_no_known_part_counts_everywhere(lab):
    lab.watch()
    offer(lab, kind="category", entry_id="1", name="Of no part")
    offer(lab, kind="category", entry_id="2", name="Action films", section="vod")
    for number, kind in ((1, "live"), (2, "live"), (1, "vod")):
        offer(lab, kind=kind, category_id=str(number), entry_id=str(number))
    assert categories(lab.build()) == {("live", "Of no part"), ("live", None), ("movie", "Of no part")}


def test_series_that_a_portal_lists_among_films_have_the_categories_of_films(lab):
    lab.watch()
    for section, name in (("vod", "Action films"), ("series", "Drama")):
        offer(lab, family="stalker", kind="category", entry_id="1", name=name, section=section)
    for entry, section in (("8", "vod"), ("9", "series")):
        url = f"http://tv.example:8080/portal.php?type={section}&action=get_ordered_list"
        offer(lab, family="stalker", kind="series", entry_id=entry, category_id="1", url=url)
    found = {row["stream_id"]: row["category"] for row in lab.build()["titles"]}
    assert found == {"8": "Action films", "9": "Drama"}


@pytest.mark.parametrize("section", ["radio", "live"])
def test_radio_has_categories_of_its_own_or_those_of_channels(lab, section):
    lab.watch()
    offer(lab, kind="category", entry_id="1", name="Music", section=section)
    offer(lab, kind="radio", category_id="1")
    assert categories(lab.build()) == {("live", "Music")}
