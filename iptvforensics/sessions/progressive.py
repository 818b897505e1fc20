"""Media files fetched whole or by ranges to progressive sessions.

RFC 9110 sections 14 and 15.3.7 (ranges). All answers for one URL to one client are one session, until nobody
asked for half an hour; so are parts of files of one path and length whose queries differ in tokens and times only
(`queries`). Bytes are the union of the ranges that came; repeats show in `requests` only.

Where a panel was asked for a channel and a body with a length came, the session is live by its path, and `kind_basis`
says so: it may be a part of the channel or a film in its place. Where only the bare form of the path hints at a
channel, `kind` stays open.

**Known limitations**: seconds are known for transport streams fetched without overlap only: which seconds of a
film a byte range holds is not guessed. Answers with several ranges (multipart/byteranges) are no media here. A film
whose token stands in the path, and is given anew from range to range, is several sessions.
"""

from __future__ import annotations

from collections.abc import Iterator

from .addresses import Address
from .delivery import cite_media, cite_redirects, cite_request, draft_of
from .fetches import NOT_MEDIA, Fetch, Fetches
from .model import NOT_WHOLE, SECOND_NS, STARTS_BEFORE, Draft
from .panel_paths import names_channel
from .queries import lasting
from .spans import covered
from .transport import note_seconds

PAUSE_NS = 1800 * SECOND_NS
"""A film may be paused; half an hour without a request is taken for another viewing."""
_CONTAINERS = frozenset(("mp4", "matroska", "mpegts", "flv", "ogg"))
_PAGES = NOT_MEDIA | frozenset(("xml", "webvtt"))


def progressive_sessions(fetches: Fetches, claimed: set[int]) -> list[Draft]:
    """Return the sessions of media files; adds the orders of their fetches to `claimed`."""
    drafts: list[Draft] = []
    for _, asked in fetches.by_client():
        files: dict[Address | int, list[Fetch]] = {}
        urls = _Urls()
        for fetch in asked:
            if fetch.order in claimed or not _is_media_file(fetch):
                continue
            claimed.add(fetch.order)
            # A body whose URL was not seen belongs to nothing else.
            files.setdefault(urls.file_of(fetch) or fetch.order, []).append(fetch)
        drafts += [_draft(span, fetches) for parts in files.values() for span in _spans(parts)]
    return drafts


class _Urls:
    """Which URLs are one file for a client: tokens may be given anew while it is fetched."""

    def __init__(self) -> None:
        self._first: dict[Address, Address] = {}
        self._same: dict[tuple[str, str, frozenset[tuple[str, str]], int], Address] = {}

    def file_of(self, fetch: Fetch) -> Address | None:
        """Return the first URL of the file that a fetch brought a part of, None if no URL was seen."""
        key = fetch.root.key
        if key is None:
            return None
        first = self._first.get(key)
        if first is not None:
            return first
        first = key
        if fetch.total is not None and (fetch.first_byte or fetch.bytes + (fetch.missing or 0) < fetch.total):
            first = self._same.setdefault((key.site, key.path, lasting(key.query), fetch.total), key)
        return self._first.setdefault(key, first)


def _is_media_file(fetch: Fetch) -> bool:
    if not fetch.answered:
        return False
    declared_media = fetch.media_type.startswith(("video/", "audio/")) and "mpegurl" not in fetch.media_type
    return fetch.kind in _CONTAINERS or (declared_media and fetch.kind not in _PAGES)


def _spans(parts: list[Fetch]) -> Iterator[list[Fetch]]:
    span: list[Fetch] = []
    active_until = 0
    for fetch in parts:
        if span and fetch.root.ts_ns - active_until > PAUSE_NS:
            yield span
            span = []
        span.append(fetch)
        active_until = max(active_until, fetch.end_ns)
    if span:
        yield span


def _draft(media: list[Fetch], fetches: Fetches) -> Draft:
    first = media[0]
    draft = draft_of("progressive", media, media, fetches.flows)
    session = draft.session
    session.stream = first.root.url
    captured = session.bytes
    missing = sum(fetch.missing or 0 for fetch in media)
    spans = [(one.first_byte, one.first_byte + one.bytes + (one.missing or 0)) for one in media]
    session.bytes = max(0, min(captured, covered(spans) - missing))
    total = max((fetch.total for fetch in media if fetch.total is not None), default=None)
    draft.faults.discard(NOT_WHOLE)
    if first.is_over:
        draft.faults.add(STARTS_BEFORE)
    if total is not None and session.bytes + missing < total:
        draft.faults.add(NOT_WHOLE)
    session.kind, session.kind_basis = _kind(media)
    if all(fetch.media_s is not None for fetch in media) and session.bytes == captured:
        note_seconds(draft, [fetch.stream for fetch in media])
    cite_redirects(draft, media)
    whole = f"of {total} bytes" if total is not None else "of unknown length"
    cite_request(
        draft,
        first,
        f"{first.client_ip} asked for the file {first.url or 'whose URL was not seen'}, {whole}; "
        f"{len(media)} answers brought {session.bytes} different bytes.",
    )
    for fetch in media:
        if fetch.root.key not in (first.root.key, None):
            cite_request(
                draft,
                fetch.root,
                f"{fetch.client_ip} asked for {fetch.root.url}, a file of the same path and length with another token.",
            )
            break
    cite_media(draft, media, "body")
    return draft


def _kind(media: list[Fetch]) -> tuple[str | None, str | None]:
    if any(fetch.status == 206 and fetch.total is not None for fetch in media):
        return "vod", "ranges of a file of known length"
    asked = [one.key for fetch in media for one in fetch.chain if one.key is not None]
    channels = {names_channel(key.path, key.query) for key in asked}
    if True in channels:
        return "live", "the path asks for a channel, though a length was declared"
    if None in channels:
        return None, None
    if any(fetch.declared is not None for fetch in media):
        return "vod", "length declared"
    return None, None
