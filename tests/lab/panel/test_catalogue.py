"""The catalogue is made from its seed alone."""

import pytest

from . import config
from .catalogue import Catalogue
from .conftest import EXAMPLE


def made(**vod):
    return Catalogue(config.from_dict({**EXAMPLE, "vod": {"titles": 50, "series": 10, "seed": 3, **vod}}))


def test_the_same_seed_gives_the_same_catalogue():
    assert made().counts() == made().counts()
    assert made().counts()["sha256"] != made(seed=4).counts()["sha256"]
    assert {k: v for k, v in made().counts().items() if k != "sha256"} == {"live": 4, "vod": 50, "series": 10}


def test_ids_are_unique_and_follow_each_other():
    catalogue = made(first_id=500)
    assert list(catalogue.titles) == list(range(500, 550))
    assert list(catalogue.episodes) == list(range(550, 550 + len(catalogue.episodes)))


def test_every_item_has_a_category_and_a_container():
    catalogue = made(containers=["avi"])
    assert {t.category for t in catalogue.titles.values()} <= set(catalogue.vod_categories.values())
    assert {s.category for s in catalogue.series.values()} <= set(catalogue.series_categories.values())
    assert {t.container for t in catalogue.titles.values()} == {"avi"}
    assert catalogue.container(20_000) == "avi"
    assert catalogue.container(1) is None


def test_named_films_come_first():
    catalogue = made(named=[{"name": "A", "container": "mkv", "year": 1999}], categories=["X", "Y"])
    assert (catalogue.titles[20_000].name, catalogue.titles[20_000].container) == ("A", "mkv")
    assert catalogue.vod_categories == {"X": 1001, "Y": 1002}


@pytest.mark.parametrize(
    ("item", "said"),
    [(101, {"stream_id": 101, "channel": "Heron One HD"}), (1, {"stream_id": 1})],
)
def test_what_the_log_says_of_an_item(item, said):
    assert made().said(item) == said
    title = made().said(20_001)
    assert title == {"stream_id": 20_001, "title": made().titles[20_001].name}


def test_a_panel_without_films_has_no_categories_of_them():
    catalogue = made(titles=0, series=0)
    assert (catalogue.vod_categories, catalogue.series_categories, catalogue.titles) == ({}, {}, {})
