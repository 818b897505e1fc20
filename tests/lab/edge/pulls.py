"""Channels on an edge: pulled from where they come from once, given to any number of viewers.

Two ways (`pull.how`):

    ffmpeg    ffmpeg takes the upstream (HTTP, HLS, RTMP, SRT, UDP, a file in a loop) and writes media segments and TS
    direct    the edge itself takes TS over HTTP and passes it on as it is, service information included;
              ffmpeg only cuts the media segments

Media segments lie in the work folder as `<id>_<n>.ts` with `<id>_.m3u8`, as on the panels' own servers. A pull begins
with the first viewer (or at once: `pull.always`), ends `idle_s` after the last one, and is begun again when it breaks,
from the next of `pull.backups` if there are any.
"""

from __future__ import annotations

import asyncio
import ctypes
import secrets
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ..panel.config import Channel, Config, ConfigError, Edge
from ..panel.journal import Journal, now
from .fetch import stream

PACKET = 188
QUEUE = 512
READ = 49 * PACKET
AGAIN_S = 2.0
LOOK_S = 0.05
PR_SET_PDEATHSIG = 1
DETECT = {"xui": "X-XUI-Detect: 1", "xc_vm": "X-XC_VM-Detect:1", "xc": ""}


def upstream_of(config: Config, edge: Edge, channel: Channel) -> str:
    """Return where an edge takes a channel from: another edge of the panel, or what the channel says."""
    parent = channel.pull.get("parents", {}).get(edge.name)
    if parent:
        other = config.edge(parent)
        return (f"http://{other.host}:{other.port}/admin/live?stream={channel.id}&password={quote(config.secret)}"
                "&extension=ts&prebuffer=1")  # fmt: skip
    if not channel.upstream:
        raise ConfigError(f"channel {channel.id} has no upstream")
    return channel.upstream


def is_panel_address(url: str) -> bool:
    """Return whether an address looks like the media address of a panel."""
    parts = urlsplit(url).path.strip("/").split("/")
    return url.startswith("http") and (parts[0] == "live" or (len(parts) == 3 and parts[2].split(".")[0].isdigit()))


class Pull:
    """One channel on this edge."""

    def __init__(self, config: Config, edge: Edge, channel: Channel, folder: Path, journal: Journal) -> None:
        self.config, self.edge, self.channel, self.folder, self.journal = config, edge, channel, folder, journal
        self.upstreams = [upstream_of(config, edge, channel), *channel.pull.get("backups", [])]
        self.url = self.upstreams[0]
        self.how = channel.pull.get("how", "ffmpeg")
        self.playlist = folder / f"{channel.id}_.m3u8"
        self.key, self.iv = secrets.token_bytes(16), secrets.token_hex(16)
        self.viewers: dict[int, asyncio.Queue[bytes | None]] = {}
        self.followers = 0
        self.generation = 0  # counts how often ffmpeg was started: media segments begin at 0 again
        self.last_wanted = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._number = 0
        self._stopped = False

    # ---- for viewers ------------------------------------------------------------------------------

    def want(self) -> None:
        """See to it that the channel is being pulled."""
        self.last_wanted = time.monotonic()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def packets(self) -> AsyncIterator[bytes]:
        """Yield the channel as TS from now on; ends for a viewer who takes it too slowly."""
        self.want()
        self._number += 1
        number, queue = self._number, asyncio.Queue[bytes | None](QUEUE)
        self.viewers[number] = queue
        try:
            while (piece := await queue.get()) is not None:
                yield piece
        finally:
            self.viewers.pop(number, None)
            self.last_wanted = time.monotonic()

    async def from_segment(self) -> AsyncIterator[bytes]:
        """Yield the channel as TS from the begin of its newest whole media segment on: at once much, then as it comes.

        This is how the panels' own servers give TS: they read the media segments, also the one that is being written.
        """
        self.followers += 1
        try:
            while await self.ready_playlist() is not None:
                generation = self.generation
                index = self._newest()
                while generation == self.generation and self._task and not self._task.done():
                    path = self.folder / f"{self.channel.id}_{index}.ts"
                    if path.exists():
                        async for piece in self._file(path, index, generation):
                            yield piece
                        index += 1
                    elif (newest := self._newest()) > index:  # too slow: what comes next is gone already
                        index = newest
                    else:
                        await asyncio.sleep(LOOK_S)
                if self._task is None or self._task.done():
                    return
        finally:
            self.followers -= 1
            self.last_wanted = time.monotonic()

    def _newest(self) -> int:
        """Return the number of the newest media segment that is whole."""
        names = self.folder.glob(f"{self.channel.id}_*.ts")
        numbers = sorted(int(path.stem.rsplit("_", 1)[1]) for path in names)
        return numbers[-2] if len(numbers) > 1 else numbers[0] if numbers else 0  # the last one is being written

    async def _file(self, path: Path, index: int, generation: int) -> AsyncIterator[bytes]:
        """Yield a media segment, until the next one has begun."""
        following = self.folder / f"{self.channel.id}_{index + 1}.ts"
        with path.open("rb") as file:
            rest = b""
            while True:
                ended = following.exists() or generation != self.generation or not self._task or self._task.done()
                rest += file.read(READ)
                whole = len(rest) // PACKET * PACKET
                if whole:
                    yield rest[:whole]
                    rest = rest[whole:]
                elif ended:
                    return
                else:
                    await asyncio.sleep(LOOK_S)

    async def ready_playlist(self, seconds: float = 15) -> str | None:
        """Return the playlist as ffmpeg wrote it, as soon as it names a media segment."""
        self.want()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.playlist.exists():
                text = self.playlist.read_text()
                if ".ts" in text:
                    return text
            await asyncio.sleep(0.1)
        return None

    async def stop(self) -> None:
        """End the pull."""
        self._stopped = True  # in Python 3.11 a cancellation may get lost in wait_for
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # ---- the pull -----------------------------------------------------------------------------------

    async def _run(self) -> None:
        while self._wanted():
            start, counted = now(), [0]
            self.journal.write("pull-start", at=start, stream_id=self.channel.id, channel=self.channel.name,
                               upstream=self.url, how=self.how)  # fmt: skip
            ended = "stopped"
            try:
                ended = await (self._direct(counted) if self.how == "direct" else self._ffmpeg(counted))
            except OSError as error:
                ended = str(error)
            finally:
                self.journal.write("pull", start=start, end=now(), stream_id=self.channel.id, channel=self.channel.name,
                                   upstream=self.url, how=self.how, ts_bytes=counted[0], ended=ended)  # fmt: skip
            if self._wanted():
                self.url = self.upstreams[(self.upstreams.index(self.url) + 1) % len(self.upstreams)]
                await asyncio.sleep(AGAIN_S)
        for queue in self.viewers.values():
            _cut_off(queue)

    def _wanted(self) -> bool:
        if self._stopped:
            return False
        watched = bool(self.viewers) or self.followers > 0 or bool(self.channel.pull.get("always"))
        return watched or time.monotonic() - self.last_wanted < self.edge.idle_s

    def _give(self, piece: bytes) -> None:
        for number, queue in list(self.viewers.items()):
            try:
                queue.put_nowait(piece)
            except asyncio.QueueFull:  # a viewer who cannot keep up is cut off, as by a server without a time-out
                self.viewers.pop(number)
                _cut_off(queue)

    async def _ffmpeg(self, counted: list[int]) -> str:
        process = await self._start(self._input(), pipe=True)
        try:
            assert process.stdout is not None
            rest, silent_since = b"", time.monotonic()
            while self._wanted():
                try:
                    piece = await asyncio.wait_for(process.stdout.read(READ), 1)
                except TimeoutError:
                    if 0 < float(self.channel.pull.get("stall_s", 0)) < time.monotonic() - silent_since:
                        return "stalled"
                    continue
                silent_since = time.monotonic()
                if not piece:
                    return f"ffmpeg ended with {await process.wait()}"
                rest += piece
                whole = len(rest) // PACKET * PACKET
                counted[0] += whole
                self._give(rest[:whole])
                rest = rest[whole:]
            return "idle"
        finally:
            await _end(process)

    async def _direct(self, counted: list[int]) -> str:
        process = await self._start(["-f", "mpegts", "-i", "pipe:0"], pipe=False)
        try:
            headers = {"User-Agent": self._user_agent(), **self._headers()}
            async for piece in stream(self.url, headers):
                counted[0] += len(piece)
                self._give(piece)
                if process.stdin and process.returncode is None:
                    process.stdin.write(piece)
                    await process.stdin.drain()
                if not self._wanted():
                    return "idle"
            return "upstream ended"
        finally:
            await _end(process)

    def _user_agent(self) -> str:
        return str(self.channel.pull.get("user_agent", self.edge.user_agent))

    def _headers(self) -> dict[str, str]:
        told = dict(self.channel.pull.get("headers", {}))
        detect = DETECT[self.config.software]
        if detect and is_panel_address(self.url):
            name, _, value = detect.partition(":")
            told.setdefault(name, value.strip())
        return told

    def _input(self) -> list[str]:
        extra = [str(word) for word in self.channel.pull.get("input", [])]
        if self.url.startswith(("http://", "https://")):
            space = "" if self.config.software == "xc_vm" else " "
            headers = "".join(f"{name}:{space}{value}\r\n" for name, value in self._headers().items())
            extra += ["-user_agent", self._user_agent(), *(["-headers", headers] if headers else [])]
        elif "://" not in self.url:
            extra += ["-re", "-stream_loop", "-1"]
        return [*extra, "-i", self.url]

    async def _start(self, source: list[str], *, pipe: bool) -> asyncio.subprocess.Process:
        codec = [str(word) for word in self.channel.pull.get("options", ["-c", "copy"])]
        segments = ["-f", "hls", "-flush_packets", "1", "-hls_time", str(self.edge.hls_time), "-hls_list_size",
        str(self.edge.hls_list),
                    "-hls_flags", "delete_segments", "-hls_delete_threshold", "3",
                    "-hls_segment_filename", str(self.folder / f"{self.channel.id}_%d.ts")]  # fmt: skip
        if self.edge.encrypt:
            key, told = self.folder / f"{self.channel.id}_.key", self.folder / f"{self.channel.id}_.keyinfo"
            key.write_bytes(self.key)
            told.write_text(f"{key}\n{key}\n{self.iv}\n")
            segments += ["-hls_key_info_file", str(told)]
        for old in (self.playlist, *self.folder.glob(f"{self.channel.id}_*.ts")):
            old.unlink(missing_ok=True)
        self.generation += 1
        argv = ["ffmpeg", "-nostdin", "-v", "error", *source, *codec, *segments, str(self.playlist)]
        if pipe:
            argv += [*codec, "-f", "mpegts", "-flush_packets", "1", "pipe:1"]
        with (self.folder / f"{self.channel.id}_.errors").open("ab") as errors:
            return await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL if pipe else asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE if pipe else asyncio.subprocess.DEVNULL, stderr=errors, cwd=self.folder,
                preexec_fn=_die_with_parent,
            )  # fmt: skip


def _cut_off(queue: asyncio.Queue[bytes | None]) -> None:
    """Tell a viewer's queue that nothing more comes."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(None)


def _die_with_parent() -> None:
    """Have the system end a program of this edge with the edge, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def as_flv(packets: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield TS packets as FLV; ffmpeg turns the one into the other."""
    process = await asyncio.create_subprocess_exec(
        "ffmpeg", "-v", "error", "-analyzeduration", "1000000", "-f", "mpegts", "-i", "pipe:0", "-c", "copy", "-f",
        "flv", "-flvflags",
        "no_duration_filesize", "-flush_packets", "1", "pipe:1",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=_die_with_parent,
    )  # fmt: skip
    feeding = asyncio.create_task(_feed(packets, process))
    try:
        assert process.stdout is not None
        while piece := await process.stdout.read(65536):
            yield piece
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        await _end(process)


async def _feed(packets: AsyncIterator[bytes], process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    try:
        async for piece in packets:
            process.stdin.write(piece)
            await process.stdin.drain()
    except ConnectionError:
        pass
    finally:
        close: Any = getattr(packets, "aclose", None)
        if close:
            await close()
        process.stdin.close()
