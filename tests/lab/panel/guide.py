"""What is on when: programmes that a scenario names, and between them ones made from a seed.

Made programmes begin at whole multiples of the channel's slot (30, 45 or 60 minutes) since 1970, so that the guide is
the same whenever it is asked for.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass

from .config import Channel

NAMES = ("Morning News", "Kitchen Stories", "Late Football", "Weather & Roads", "The Long Case", "Drama Special",
         "음악 시간", "Cerita Malam", "Garden Hour", "World Today", 'Film: "The <Quiet> Island"')  # fmt: skip


@dataclass(frozen=True)
class Programme:
    """One entry of the guide."""

    id: int
    start: int
    stop: int
    title: str
    text: str


def programmes(channel: Channel, start: float, stop: float) -> list[Programme]:
    """Return what the channel shows in a span of time, in order; nothing for a channel without a guide."""
    if not channel.epg_id:
        return []
    told = [
        Programme(int(row.get("id", row["start"] % 10**8)), int(row["start"]), int(row["stop"]), str(row["title"]),
                  str(row.get("text", "")))
        for row in channel.programmes
    ]  # fmt: skip
    base = zlib.crc32(channel.epg_id.encode())
    slot = (1800, 2700, 3600)[base % 3]
    made = []
    for begin in range(int(start) // slot * slot, int(stop), slot):
        if any(p.start < begin + slot and begin < p.stop for p in told):
            continue
        rng = random.Random(f"{channel.epg_id} {begin}")
        name = rng.choice(NAMES)
        made.append(
            Programme(
                (base + begin // slot) % 10**8, begin, begin + slot, name, f"{name}, part {rng.randrange(1, 99)}."
            )
        )
    return sorted((p for p in told + made if p.start < stop and start < p.stop), key=lambda p: p.start)
