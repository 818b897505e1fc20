"""What the lab's channels show: programmes made of test pictures, as each account's encoder gives them.

A programme is a row of scenes of unequal length (log-normal), drawn by its name: the same name is the same content. An
encode of it is a file for `-stream_loop`, made once per machine and kept in the folder for temporary files, so that in
a run the sources only copy. The same programme through two accounts has equal content and unequal encodes.

Known limitations: pictures and tones are synthetic; a programme repeats after `SECONDS`.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 24
DRAWN = ("testsrc2", "life", "mandelbrot", "gradients", "cellauto", "rgbtestsrc", "smptehdbars")


@dataclass(frozen=True)
class Encode:
    """A programme in the way in which one encoder gives it."""

    programme: str
    size: str = "64x36"
    rate: int = 5
    crf: int = 38
    gop: int = 10  # pictures
    preset: str = "veryfast"
    bframes: int = 0
    codec: str = "libx264"
    audio: str = "aac"  # "" for none
    audio_kbps: int = 8
    seconds: int = SECONDS
    options: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def of(cls, programme: str, settings: dict[str, Any]) -> Encode:
        """Return the encode that settings of a scenario ask for."""
        known = set(cls.__dataclass_fields__) - {"programme", "options"}
        extra = {key: str(value) for key, value in settings.items() if key not in known}
        return cls(programme, **{k: v for k, v in settings.items() if k in known}, options=tuple(sorted(extra.items())))


def scenes(programme: str, seconds: float, size: str, rate: int) -> list[str]:
    """Return the sources of a programme, one per scene."""
    chance = random.Random(programme)
    found, left = [], float(seconds)
    while left > 0:
        length = min(left, round(max(1.0, min(8.0, chance.lognormvariate(1.0, 0.6))) * rate) / rate)
        kind, seed = chance.choice(DRAWN), chance.randrange(1, 10**6)
        options = f"s={size}:r={rate}"
        if kind in ("life", "cellauto"):
            options += f":seed={seed}:ratio=0.4" if kind == "cellauto" else f":seed={seed}:mold=8:death_color=#2040C0"
        elif kind == "gradients":
            options += f":seed={seed}:speed=0.05"
        elif kind == "mandelbrot":
            options += f":start_x={-0.74 + seed / 10**8}:start_scale={0.5 + seed / 10**6}"
        hue = f"hue=h={seed % 360}" if kind in ("testsrc2", "rgbtestsrc", "smptehdbars", "mandelbrot") else "null"
        found.append(f"{kind}={options},trim=duration={length:g},setpts=PTS-STARTPTS,{hue},setsar=1,format=yuv420p")
        left = round(left - length, 3)
    return found


def command(encode: Encode, file: Path) -> list[str]:
    """Return the command that makes the file of an encode."""
    parts = scenes(encode.programme, encode.seconds, encode.size, encode.rate)
    graph = ";".join(f"{scene}[v{n}]" for n, scene in enumerate(parts))
    graph += ";" + "".join(f"[v{n}]" for n in range(len(parts))) + f"concat=n={len(parts)}[v]"
    tone = random.Random(encode.programme + " tone").randrange(200, 900)
    sound = ["-f", "lavfi", "-i", f"sine={tone}:sample_rate=16000:beep_factor=3:duration={encode.seconds}"]
    if encode.codec == "libx264":
        video = ["-preset", encode.preset, "-crf", str(encode.crf), "-bf", str(encode.bframes), "-sc_threshold", "0"]
    else:
        video = ["-q:v", "12", "-bf", str(encode.bframes)]
    extra = [word for key, value in encode.options for word in (f"-{key}", value)]
    heard = ["-map", "0:a", "-c:a", encode.audio, "-b:a", f"{encode.audio_kbps}k", "-ac", "1"] if encode.audio else []
    return ["ffmpeg", "-nostdin", "-v", "error", "-y", *(sound if encode.audio else []), "-filter_complex", graph,
            "-map", "[v]", *heard, "-c:v", encode.codec, "-threads", "1", *video, "-g", str(encode.gop),
            "-keyint_min", str(encode.gop), *extra, "-t", str(encode.seconds), "-f", "matroska", str(file)]  # fmt: skip


def film(encode: Encode) -> Path:
    """Return the file of an encode, made if it is not there."""
    cache = Path(tempfile.gettempdir()) / f"lab-films-{os.geteuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    name = hashlib.sha256(repr((sorted(asdict(encode).items()), command(encode, Path("x")))).encode()).hexdigest()[:20]
    file = cache / f"{name}.mkv"
    if not file.exists():
        part = cache / f"{name}.part-{os.getpid()}"
        subprocess.run(command(encode, part), check=True, timeout=240)
        part.rename(file)
    return file


def prepare(encodes: Iterable[Encode], workers: int = 2) -> dict[Encode, Path]:
    """Return the files of encodes."""
    wanted = list(dict.fromkeys(encodes))
    with ThreadPoolExecutor(workers) as pool:
        return dict(zip(wanted, pool.map(film, wanted), strict=True))


def movie(programme: str, file: Path, *, seconds: int = 30, settings: dict[str, Any] | None = None) -> Path:
    """Write a film of the catalogue (MP4 or Matroska, as its name says), index at the front."""
    source = film(Encode.of(programme, {"seconds": seconds, **(settings or {})}))
    fast = ["-movflags", "+faststart"] if file.suffix == ".mp4" else []
    file.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(source), "-c", "copy", *fast, str(file)],
                   check=True, timeout=60)  # fmt: skip
    return file


def endless(file: Path) -> list[str]:
    """Return the ffmpeg options that play a file as if it were live."""
    return ["ffmpeg", "-nostdin", "-v", "warning", "-re", "-stream_loop", "-1", "-i", str(file), "-c", "copy"]
