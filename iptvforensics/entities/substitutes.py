"""Sessions of channels in which a panel may have sent something else: a film that says that the account is over.

Panels send such substitutes instead of refusing. Their URLs at an edge hold a token like any other, so nothing in the
capture names them; two traits hint at them:

- the panel's last word on the line before the session: refused, expired, banned or disabled, or an end that has passed;
- a file of known length came, where a channel has no end.

**Known limitations**: both are hints. An account may have been renewed unseen, and some panels go on serving. A
substitute without either trait (a channel that is off the air) is not noticed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from ..sessions.addresses import host_of
from .lines import line_key
from .model import Key, Resolution
from .replies import Reply
from .viewing import Watched

_OVER = ("expired", "banned", "disabled")
"""States in which an account gets no channel, in the words of the Xtream family."""


def mark_substitutes(found: Iterable[Watched], replies: Iterable[Reply], lines: Resolution) -> None:
    """Note at the sessions of channels what hints at a substitute."""
    said: dict[str, list[tuple[int, Reply]]] = defaultdict(list)
    for reply in replies:
        entity = next((e for key in _keys(reply) if (e := lines.of(key)) is not None), None)
        is_word = reply.auth is not None or reply.account_status or reply.expires_ns is not None
        if entity is not None and is_word and reply.role != "request" and reply.ts_ns is not None:
            said[entity.id].append((reply.ts_ns, reply))
    for words in said.values():
        words.sort(key=lambda word: (word[0], word[1].frame_no or 0))
    for w in found:
        if w.media != "live" or w.archive is not None or not w.is_numbered:
            continue
        entity = lines.of(w.line) if w.line is not None else None
        hints = [_last_word(said.get(entity.id, []), w.viewing.start_ns or 0) if entity is not None else None]
        if w.viewing.delivery == "progressive":
            hints.append("a file of known length came for a channel")
        w.substitute_why = "; ".join(hint for hint in hints if hint) or None


def _keys(reply: Reply) -> list[Key]:
    host = host_of(reply.host)
    if host is None:
        return []
    keys = (line_key(host, reply.username, reply.password, None, None), line_key(host, None, None, reply.mac, None))
    return [key for key in keys if key is not None]


def _last_word(said: list[tuple[int, Reply]], start_ns: int) -> str | None:
    """Return why the line gets no channel by what the panel said last before a time; None if nothing says so."""
    at = bisect_right(said, start_ns, key=lambda word: word[0])
    if at == 0:
        return None
    reply = said[at - 1][1]
    status = reply.account_status or ""
    frame = f"frame {reply.frame_no} of capture {reply.capture_id}"
    if status.lower() in _OVER:
        return f"the panel had said of the line: {status} ({frame})"
    if reply.auth is False:
        return f"the panel had refused the line ({frame})"
    if reply.expires_ns is not None and reply.expires_ns <= start_ns:
        return f"the end that the panel had given for the line had passed ({frame})"
    return None
