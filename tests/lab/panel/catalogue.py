"""The films and series of a panel, made from a seed: the same numbers give the same catalogue on every machine.

Ids: films from `first_id` upwards, after them the episodes. Series have ids of their own, from 1. Categories: live from
1, films from 1001, series from 2001.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .config import Channel, Config, Vod

FIRST = ("Silent", "Broken", "Golden", "Last", "Hidden", "Northern", "Paper", "Crimson", "Lost", "Midnight",
         "Distant", "Iron", "Quiet", "Electric", "Seventh", "푸른", "마지막", "작은", "Sang", "Malam")  # fmt: skip
SECOND = ("River", "Harbour", "Garden", "Letter", "Empire", "Winter", "Promise", "Station", "Mirror", "Orchard",
          "Signal", "Lantern", "Bridge", "Shadow", "Island", "Parade", "바다", "편지", "Hujan", "Été")  # fmt: skip
GENRES = ("Drama", "Action", "Comedy", "Family", "Documentary", "Animation", "Thriller", "Romance")
REGIONS = ("KR", "ID", "EN", "JP", "CN", "FR")
VOD_CATEGORY, SERIES_CATEGORY = 1001, 2001


@dataclass(frozen=True, slots=True)
class Title:
    """A film."""

    id: int
    name: str
    year: int
    category: int
    container: str
    added: int
    rating: float
    plot: str = ""
    seconds: int = 0


@dataclass(frozen=True)
class Episode:
    """An episode of a series."""

    id: int
    number: int
    season: int
    name: str
    container: str
    added: int


@dataclass(frozen=True)
class Series:
    """A series with its episodes by season."""

    id: int
    name: str
    year: int
    category: int
    modified: int
    rating: float
    seasons: dict[int, list[Episode]] = field(default_factory=dict)


class Catalogue:
    """What a panel has on offer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.channels = {channel.id: channel for channel in config.channels}
        self.vod: Vod = config.vod

    @cached_property
    def live_categories(self) -> dict[str, int]:
        """Return category name -> id, in the order in which channels name them."""
        names = dict.fromkeys(name for channel in self.config.channels for name in channel.categories)
        return {name: number for number, name in enumerate(names, 1)}

    @cached_property
    def vod_categories(self) -> dict[str, int]:
        """Return category name -> id of the films."""
        if not self.vod.titles and not self.vod.named:
            return {}
        names = self.vod.categories or [f"{region} | {genre}" for region in REGIONS for genre in GENRES]
        return {name: VOD_CATEGORY + number for number, name in enumerate(names)}

    @cached_property
    def series_categories(self) -> dict[str, int]:
        """Return category name -> id of the series."""
        return {f"{genre} (series)": SERIES_CATEGORY + n for n, genre in enumerate(GENRES)} if self.vod.series else {}

    def categories_of(self, channel: Channel) -> list[int]:
        """Return the ids of a channel's categories."""
        return [self.live_categories[name] for name in channel.categories]

    @cached_property
    def titles(self) -> dict[int, Title]:
        """Return the films by id."""
        rng = random.Random(f"titles {self.vod.seed}")
        ids = list(self.vod_categories.values())
        made: dict[int, Title] = {}
        for n, told in enumerate(self.vod.named):
            made[self.vod.first_id + n] = _named(self.vod.first_id + n, told, self.vod_categories, self.vod.containers)
        for n in range(len(made), self.vod.titles):
            year = 1960 + rng.randrange(64)
            made[self.vod.first_id + n] = Title(
                self.vod.first_id + n, f"{rng.choice(FIRST)} {rng.choice(SECOND)} {n % 997 + 1}", year,
                ids[rng.randrange(len(ids))], self.vod.containers[rng.randrange(len(self.vod.containers))],
                1_600_000_000 + rng.randrange(90_000_000), rng.randrange(100) / 10,
                "" if n % 10 else f"Plot of film {n}: a {rng.choice(SECOND).lower()} changes everything.",
                600 + rng.randrange(9000),
            )  # fmt: skip
        return made

    @cached_property
    def series(self) -> dict[int, Series]:
        """Return the series by id."""
        rng = random.Random(f"series {self.vod.seed}")
        ids = list(self.series_categories.values())
        next_id = self.vod.first_id + max(self.vod.titles, len(self.vod.named))
        made: dict[int, Series] = {}
        for number in range(1, self.vod.series + 1):
            name, modified = f"{rng.choice(FIRST)} {rng.choice(SECOND)} Stories {number}", 1_650_000_000 + number
            # A series with specials (season 0) comes as a list: PHP takes keys 0..n for one.
            first = 0 if self.config.traps and number % 5 == 0 else 1
            seasons: dict[int, list[Episode]] = {}
            for season in range(first, first + 1 + rng.randrange(3)):
                count = 2 + rng.randrange(4)
                seasons[season] = [
                    Episode(next_id + n, n + 1, season, f"{name} - S{season:02d}E{n + 1:02d}",
                            self.vod.containers[n % len(self.vod.containers)], modified - 86_400 * n)
                    for n in range(count)
                ]  # fmt: skip
                next_id += count
            made[number] = Series(number, name, 2000 + rng.randrange(24), ids[rng.randrange(len(ids))], modified,
                                  rng.randrange(100) / 10, seasons)  # fmt: skip
        return made

    @cached_property
    def episodes(self) -> dict[int, Episode]:
        """Return all episodes by id."""
        return {e.id: e for series in self.series.values() for season in series.seasons.values() for e in season}

    def container(self, item: int) -> str | None:
        """Return the container of a film or episode; None if there is none of this id."""
        found = self.titles.get(item) or self.episodes.get(item)
        return found.container if found else None

    def said(self, item: int) -> dict[str, Any]:
        """Return what the log says of an item: its id and the name that the catalogue gives it."""
        if channel := self.channels.get(item):
            return {"stream_id": item, "channel": channel.name}
        found = self.titles.get(item) or self.episodes.get(item)
        return {"stream_id": item, "title": found.name} if found else {"stream_id": item}

    def counts(self) -> dict[str, Any]:
        """Return how much is on offer, and a digest over ids, names and containers in order."""
        digest = hashlib.sha256()
        for line in self._lines():
            digest.update(line.encode() + b"\n")
        return {"live": len(self.channels), "vod": len(self.titles), "series": len(self.series),
                "sha256": digest.hexdigest()}  # fmt: skip

    def _lines(self) -> Iterator[str]:
        for channel in self.channels.values():
            yield f"{channel.id}\t{channel.name}\tts"
        for title in self.titles.values():
            yield f"{title.id}\t{title.name}\t{title.container}"
        for episode in self.episodes.values():
            yield f"{episode.id}\t{episode.name}\t{episode.container}"


def _named(number: int, told: dict[str, Any], categories: dict[str, int], containers: list[str]) -> Title:
    category = categories.get(str(told.get("category", "")), min(categories.values()))
    return Title(number, str(told["name"]), int(told.get("year", 2020)), category,
                 str(told.get("container", containers[0])), int(told.get("added", 1_690_000_000)),
                 float(told.get("rating", 7.5)), str(told.get("plot", "")), int(told.get("seconds", 0)))  # fmt: skip
