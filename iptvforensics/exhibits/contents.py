"""Evidence file -> bodies: what a protocol carried, byte for byte as the analysis saw it.

The capture is read and dissected again. Transfer codings (chunks) and content codings (gzip) are undone, as
they were for the row in `objects`; bytes that are missing from the capture are left out, so that a body with
`missing_bytes` is shorter than what was sent.

**Known limitations**: a body is held in memory while it is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..analysis import secrets_from, secrets_in
from ..capture import CaptureReader, IndexEntry
from ..dissect import Dissector, RowCollector
from ..errors import CaseError
from ..flows.streams import FlowTable
from ..packets import PacketDecoder
from ..store import Store
from .files import frame_index, keylogs_of, locate, manifest_of

if TYPE_CHECKING:
    from ..dissect.contents import Content
    from ..flows.batch import StreamBatch
    from ..tls.keylog import Secrets


class Body(NamedTuple):
    """One body: where it began, and its bytes."""

    name: str | None
    """URL or stream name under which it was asked for."""
    flow_id: int
    from_orig: bool
    offset: int | None
    """Where it begins in the stream of its direction (`stream_offset` in the table `objects`); None: not known."""
    sha256: str
    data: bytes


def contents_of(
    path: str | os.PathLike[str], *, only_flow: int | None = None, secrets: Secrets | None = None
) -> Iterator[Body]:
    """Return all bodies that a capture carries, in the order in which they end; secrets open what is encrypted.

    Raises:
        CaptureError: the file cannot be read as evidence.
    """
    return _bodies(os.fspath(path), only_flow, None, lambda content: True, secrets)


def body_at(
    path: str | os.PathLike[str],
    flow_id: int,
    stream_offset: int,
    from_orig: bool = False,
    *,
    index: Sequence[IndexEntry] = (),
    secrets: Secrets | None = None,
) -> Body | None:
    """Return the body that begins at a place of a flow, null if none does.

    With an index of the capture, reading begins with the block in which the flow begins.
    """

    def wanted(content: Content) -> bool:
        return content.begin_offset == stream_offset and content.from_orig == from_orig and content.is_outermost

    start = max((entry for entry in index if entry.first_frame <= flow_id), default=None)
    return next(_bodies(os.fspath(path), flow_id, start, wanted, secrets), None)


def body_of_case(
    store: Store,
    capture_id: str,
    flow_id: int,
    stream_offset: int,
    from_orig: bool = False,
    *,
    evidence: str | os.PathLike[str] | None = None,
) -> Body:
    """Return the body that a row of the table `objects` tells of.

    Raises:
        CaseError: there is no such row, its evidence file is not there, or the file gives another body.
    """
    manifest = manifest_of(store, capture_id)
    capture_id = manifest["capture_id"]
    connection = store.connection(only=["objects"], capture_id=capture_id, threads=1)
    try:
        row = connection.execute(
            "SELECT bytes, sha256, secret_sha256 FROM objects "
            "WHERE capture_id = ? AND flow_id = ? AND stream_offset = ? AND from_orig = ?",
            [capture_id, flow_id, stream_offset, from_orig],
        ).fetchone()
    finally:
        connection.close()
    place = f"capture {capture_id}, flow {flow_id}, stream offset {stream_offset}"
    if row is None:
        raise CaseError(f"{place}: no body begins here; the table objects says where bodies begin (stream_offset)")
    path = locate(manifest, evidence)
    secrets = None
    if row[2] is not None:
        secrets = secrets_from(keylogs_of(manifest, evidence), secrets_in(path))
    for index in (frame_index(store, capture_id), []):  # an earlier flow of the same addresses may have mattered
        body = body_at(path, flow_id, stream_offset, from_orig, index=index, secrets=secrets)
        if body is not None and len(body.data) == row[0] and row[1] in (None, body.sha256):
            return body
    raise CaseError(f"{place}: {path} gives another body than the one recorded; run `verify`")


class _Collector:
    """Keeps the bytes of the bodies that are wanted until they end."""

    def __init__(self, wanted: Callable[[Content], bool]) -> None:
        self._wanted = wanted
        self._open: dict[int, tuple[Content, bytearray]] = {}
        self.finished: list[Body] = []

    def __call__(self, flow_id: int, content: Content, data: memoryview | bytes | None) -> None:
        known = self._open.get(id(content))
        if known is None:
            if not self._wanted(content):
                return
            known = self._open[id(content)] = content, bytearray()
        if data is not None:
            known[1].extend(data)
            return
        del self._open[id(content)]
        body = bytes(known[1])
        sha256 = hashlib.sha256(body).hexdigest()
        self.finished.append(Body(content.info.name, flow_id, content.from_orig, content.begin_offset, sha256, body))


def _bodies(
    path: str,
    only_flow: int | None,
    start: IndexEntry | None,
    wanted: Callable[[Content], bool],
    secrets: Secrets | None,
) -> Iterator[Body]:
    collector = _Collector(wanted)
    flows = FlowTable()
    rows = RowCollector(lambda table, rows: None)
    dissector = Dissector(rows, on_content=collector, only_flow=only_flow, secrets=secrets)
    with CaptureReader(path, hash_thread=False, hashing=False) as reader:
        if start is not None:
            reader.start_at(start)
        for batch in _batches(reader, flows):
            dissector.take(batch)
            yield from collector.finished
            collector.finished.clear()
    dissector.finish()
    yield from collector.finished


def _batches(reader: CaptureReader, flows: FlowTable) -> Iterator[StreamBatch]:
    """Yield what the blocks of the capture add to the streams."""
    decoder = PacketDecoder()
    for block in reader:
        for packets in decoder.batches(block):
            yield from flows.add(block, packets)
    yield from flows.finish()
