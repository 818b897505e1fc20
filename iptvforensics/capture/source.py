"""Path, URL or pipe -> bytes in order, with the SHA-256 of the evidence file computed on the way.

Each piece is hashed right after it was read, while it is in the processor's cache. Evidence is opened for
reading only. What is hashed is the file as it lies there: of a compressed capture, the compressed bytes.

**Known limitations**: URLs other than `file://` need the package fsspec and the package for their scheme
(extra `s3`). A file that cannot be read to its end has no SHA-256: that is an error, not an anomaly.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from ..errors import CaptureError, MissingProgramError
from . import compression

if TYPE_CHECKING:
    from .windows import Room

PIECE_BYTES = 512 << 10
"""Read and hashed in one go: fits the processor's second-level cache."""
BESIDE_PIECE_BYTES = 4 << 20
"""The same on a thread beside others, where each piece costs two turns of the interpreter lock."""


FileState = tuple[int, int, int, int, int]
"""Device, inode, bytes, and the times at which contents, and contents or properties, were changed last (ns)."""


class _Readable(Protocol):
    def readinto(self, view: memoryview, /) -> int | None: ...
    def seek(self, place: int, /) -> int: ...
    def close(self) -> None: ...


def open_evidence(path: str | os.PathLike[str]) -> tuple[_Readable, int | None]:
    """Return an unbuffered file open for reading, and its size if that is known beforehand.

    Raises:
        CaptureError: it does not exist, is a folder, or cannot be opened.
        MissingProgramError: the URL needs a package that is not installed.
    """
    name = os.fspath(path)
    if name == "-":
        return io.FileIO(0, "rb", closefd=False), None
    if is_url(name):
        return _open_url(name)
    try:
        file = io.FileIO(local_path(name), "rb")
    except OSError as error:
        raise CaptureError(f"cannot be opened: {error.strerror or error}", path=name) from error
    status = os.fstat(file.fileno())
    return file, status.st_size if stat.S_ISREG(status.st_mode) else None


def is_url(name: str) -> bool:
    """Return True for what only fsspec can open."""
    return "://" in name and not name.startswith("file://")


def local_path(name: str) -> str:
    """Return the path behind a `file://` URL; anything else as it is."""
    return unquote(urlsplit(name).path) if name.startswith("file://") else name


def _open_url(name: str) -> tuple[_Readable, int | None]:
    try:
        import fsspec
    except ImportError:
        raise MissingProgramError(
            f'{name}: URLs need the extra "s3" (pip install iptvforensics[s3]); local files need nothing'
        ) from None
    try:
        file: Any = fsspec.open(name, "rb").open()
    except ImportError as error:
        raise MissingProgramError(f"{name}: {error}") from error
    except (OSError, ValueError) as error:
        raise CaptureError(f"cannot be opened: {error}", path=name) from error
    size = getattr(file, "size", None)
    return file, size if isinstance(size, int) else None


class Source:
    """The bytes of a capture, unpacked if need be, in order and once.

    `fill` may be called from another thread than the one that made the source, one call at a time.
    """

    def __init__(self, path: str | os.PathLike[str], *, hashing: bool = True, piece_bytes: int = PIECE_BYTES) -> None:
        self.name = os.fspath(path)
        self._file, self.size = open_evidence(path)
        self.file_state = _state_of(self._file)
        """What `file_state_of` said of the file when it was opened."""
        self._second: _Readable | None = None
        """The file opened once more, to unpack again what stands before a fault."""
        self._digest = hashlib.sha256() if hashing else None
        self._piece_bytes = piece_bytes
        self._head = b""
        self.bytes_read = 0
        """Bytes of the evidence file read so far."""
        self.finished = False
        """True once the evidence file was read to its end."""
        try:
            self._head = self._read(compression.MAGIC_BYTES)
            self._step_over_frames()
            self.compression = compression.recognise(self._head)
            self._unpacking: compression.Unpacking | None = None
            if self.compression:
                unpack = compression.unpacker(self.compression)
                self._unpacking = compression.Unpacking(
                    unpack, self._read_some, self._head, self.bytes_read, self._from
                )
        except BaseException:
            self._file.close()
            raise

    @property
    def stream_size(self) -> int | None:
        """Length of the capture stream if it is known beforehand."""
        return None if self._unpacking else self.size

    @property
    def problems(self) -> dict[str, compression.Problem]:
        """What went wrong while unpacking, by name."""
        return self._unpacking.problems if self._unpacking else {}

    @property
    def has_changed(self) -> bool:
        """True if the file has been written to since it was opened, as far as the system says."""
        return _state_of(self._file) != self.file_state

    @property
    def sha256(self) -> str:
        """SHA-256 of the evidence file.

        Raises:
            CaptureError: the file was not read to its end, or hashing was not asked for.
        """
        if not self.finished or self._digest is None:
            raise CaptureError("the SHA-256 is known only after the file was read to its end", path=self.name)
        return self._digest.hexdigest()

    def fill(self, view: memoryview) -> int:
        """Return how many bytes were written to `view`; fewer than it holds only at the end."""
        if self._unpacking:
            done = self._unpacking.fill(view)
            if done < len(view):
                self._drain()
            return done
        done = len(self._head)
        if done:
            done = min(done, len(view))
            view[:done] = self._head[:done]
            self._head = self._head[done:]
        return done + self._fill_raw(view[done:])

    def lay(self, room: Room, at: int, view: memoryview) -> bool:
        """Return True if the next bytes lie at a place of a room now, which `view` shows; False: they are to be read.

        They are hashed like bytes that are read.
        """
        begin = self.bytes_read - len(self._head)
        length = len(view)
        if self._unpacking or self.size is None or begin + length > self.size or not isinstance(self._file, io.FileIO):
            return False
        if not room.lay(at, length, self._file.fileno(), begin):
            return False
        if self._digest is not None:
            self._digest.update(view[len(self._head) :])
        self._head = b""
        self.bytes_read = self._file.seek(begin + length)
        return True

    def skip(self, count: int) -> None:
        """Step over the next bytes of the stream."""
        view = memoryview(bytearray(PIECE_BYTES))
        while count > 0 and (done := self.fill(view[: min(count, PIECE_BYTES)])):
            count -= done

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        if self._second is not None:
            self._second.close()

    def _fill_raw(self, view: memoryview) -> int:
        done = 0
        while done < len(view):
            count = self._read_piece(view[done : done + self._piece_bytes])
            if not count:
                break
            done += count
        return done

    def _read_piece(self, view: memoryview) -> int:
        try:
            count = self._file.readinto(view) or 0
        except OSError as error:
            why = f"cannot be read on: {error.strerror or error}; what was read before is kept, but has no SHA-256"
            raise CaptureError(why, path=self.name, offset=self.bytes_read) from error
        if count:
            self.bytes_read += count
            if self._digest is not None:
                self._digest.update(view[:count])
        else:
            self.finished = True
        return count

    def _read(self, limit: int) -> bytes:
        """Return `limit` bytes; fewer only at the end."""
        buffer = bytearray(limit)
        return bytes(buffer[: self._fill_raw(memoryview(buffer))])

    def _step_over_frames(self) -> None:
        """Read on to the first frame that tells Zstandard from LZ4, past those that both skip."""
        start = self._head
        while compression.is_skippable(self._head):
            self._head += self._read(8 - compression.MAGIC_BYTES)
            left = int.from_bytes(self._head[4:8], "little")
            while left > 0 and (piece := self._read(min(left, PIECE_BYTES))):
                left -= len(piece)
            self._head = self._read(compression.MAGIC_BYTES)
        if start != self._head and not compression.recognise(self._head):
            what = "a skippable frame of Zstandard or LZ4 was found, and neither of them behind it"
            raise CaptureError(what, path=self.name, offset=self.bytes_read - len(self._head))

    def _read_some(self, limit: int) -> bytes:
        buffer = bytearray(limit)
        return bytes(buffer[: self._read_piece(memoryview(buffer))])

    def _from(self, place: int) -> compression.Read | None:
        """Return what reads the file once more from a place on, without hashing; None: it can be read only once."""
        if self.size is None:
            return None
        if isinstance(self._file, io.FileIO) and hasattr(os, "pread"):
            return _Again(self._file.fileno(), place)  # it may be another file now that has this name
        try:
            if self._second is None:
                self._second, _ = open_evidence(self.name)
            self._second.seek(place)
        except (CaptureError, OSError, ValueError):
            return None
        return partial(_read_again, self._second)

    def _drain(self) -> None:
        """Read what lies behind the unpacked stream: it belongs to the evidence file and its hash."""
        while not self.finished:
            self._read_some(PIECE_BYTES)


def file_state_of(fd: int) -> FileState | None:
    """Return the state of an open file, None of what is no file.

    The last time, of any change of contents or properties, is not one that a writer can put back.
    """
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _state_of(file: _Readable) -> FileState | None:
    return file_state_of(file.fileno()) if isinstance(file, io.FileIO) else None


class _Again:
    """Reads an open file from a place on, and leaves alone where others are in it."""

    def __init__(self, fd: int, place: int) -> None:
        self._fd, self._place = fd, place

    def __call__(self, limit: int) -> bytes:
        """Return at most so many bytes; none at the end, and where the file cannot be read any more."""
        try:
            data = os.pread(self._fd, limit, self._place)
        except OSError:
            return b""
        self._place += len(data)
        return data


def _read_again(file: _Readable, limit: int) -> bytes:
    buffer = bytearray(limit)
    try:
        return bytes(buffer[: file.readinto(memoryview(buffer)) or 0])
    except OSError:
        return b""
