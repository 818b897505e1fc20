"""Bodies in a gzip file or in UTF-16 are read as what they hold, within limits."""

from __future__ import annotations

import gzip

import pytest

from iptvforensics.listings import recoded
from iptvforensics.listings.recoded import Recoded, is_recoded, may_be_recoded, undone
from iptvforensics.protocol import Anomaly, Event, Mark, Opening, Row

TEXT = "Ä 뉴스 text\n" * 20
BODIES = {
    "gzip": gzip.compress(TEXT.encode()),
    "utf-16-le": b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "utf-16-be": b"\xfe\xff" + TEXT.encode("utf-16-be"),
}


class Collector:
    """Keeps what it is fed, and gives it as one row."""

    def __init__(self, _opening: Opening) -> None:
        self.client_is_orig = True
        self.data = b""

    def feed(self, data: memoryview, from_orig: bool) -> list[Event]:
        self.data += bytes(data)
        return [Mark(from_orig, 0)]

    def gap(self, _length: int, _from_orig: bool) -> list[Event]:
        return []

    def end(self, from_orig: bool) -> list[Event]:
        return [Row("x", from_orig, 7, {"data": self.data}), Anomaly("X_odd", from_orig, 7)]


def opening(body: bytes) -> Opening:
    return Opening("content", body, b"")


def read(body: bytes, size: int = 1 << 20, gap_at: int | None = None) -> list[Event]:
    parser = Recoded(opening(body[:64]), "X", Collector)
    events: list[Event] = []
    for at in range(0, len(body), size):
        if gap_at is not None and at >= gap_at:
            events += parser.gap(size, False)
            gap_at = None
        else:
            events += parser.feed(memoryview(body[at : at + size]), False)
    return events + parser.end(False)


def text_of(events: list[Event]) -> str:
    [row] = [event for event in events if isinstance(event, Row)]
    assert row.offset == 0
    return str(row.values["data"], "utf-8")


def told(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, Anomaly) and event.name != "X_odd"]


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_text_is_handed_on(body: bytes, size: int) -> None:
    events = read(body, size)
    assert text_of(events).removeprefix("\ufeff") == TEXT
    assert told(events) == []
    assert [event for event in events if isinstance(event, Mark)] == [Mark(False, 0)]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_opening_is_that_of_the_text(body: bytes) -> None:
    assert is_recoded(opening(body))
    inner = undone(opening(body))
    assert inner is not None
    assert inner.orig.decode().removeprefix("\ufeff") == TEXT
    assert may_be_recoded(body[:1])
    assert not is_recoded(opening(body[1:]))


@pytest.mark.parametrize(
    "body",
    [gzip.compress(BODIES["gzip"], mtime=0), b"\x1f\x8bnothing", b"\xff\xfe\x00\xd8a\x00"],
    ids=["twice", "damaged", "half"],
)
def test_a_file_in_a_file_and_damage_are_left_alone(body: bytes) -> None:
    assert undone(opening(body)) is None


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_is_cut_or_missing_is_told(body: bytes) -> None:
    assert told(read(body[:-1])) == ["X_cut"]
    assert told(read(body, 16, gap_at=16)) == ["X_gap"]


def test_damage_is_told() -> None:
    assert told(read(BODIES["gzip"][:-8] + bytes(8))) == ["X_gzip_damaged"]
    assert told(read(b"\xff\xfea\x00\x00\xd8a\x00")) == ["X_utf16_damaged"]


def test_a_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recoded, "FREE_BYTES", 1000)
    events = read(gzip.compress(b"a" * 3_000_000))
    assert told(events) == ["X_gzip_over_limit"]
    assert len(text_of(events)) < 1_000_000
