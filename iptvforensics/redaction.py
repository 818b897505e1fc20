"""Secrets in rows -> pseudonyms: keyed, and the same wherever the same secret stands.

A pseudonym is `redacted-` and the first 12 hexadecimal digits of HMAC-SHA-256 over the secret, under a key that
the case folder keeps in `redaction.key` (readable by its owner only, made on first use). Without the key nobody
can try out passwords; with it, the same secret has the same pseudonym in all tables and exports of the case.

Secret are: the values of columns with a secret's name (`password`, `cookie`, ...), the addresses, serial numbers and
persons that accounts and devices claim; in every text, the user
information, the secret query parameters and the path credentials of URLs (`/live/USER/PASSWORD/77.ts`), and the
values of header lines like `Cookie:`. Whatever was found to be secret in one place of the case is replaced
wherever else it stands as a word of its own.

A claimed address that is the observed one, too, is replaced in both places; so it is inside of hexadecimal digits
(DHCP identifiers, UUIDs), of names (`box-a4bb6d117e08`) and of IPv6 addresses that are made of it (RFC 4291,
appendix A), for each of them would undo the pseudonym.

**Known limitations**: secrets shorter than four characters are replaced only where they stand as such, not inside
other texts. A token in a path of a kind that is not listed here stays. Inside of hexadecimal digits an address with
less than three different digits (`00:00:00:00:00:00`) is not looked for: it would be found by chance.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .errors import CaseError
from .schema import Column

KEY_FILE = "redaction.key"
MIN_WORD = 4

_CREDENTIAL_NAMES = (
    r"user(?:name)?|login|pass(?:word|wd)?|pw|pwd|token|auth|authorization|apikey|api_key|secret|sign|signature|sig|"
    r"hash|session|sessionid|phpsessid|sid|play_token|mac|sn|st|wmsauthsign|hdnea|hdnts|md5|ticket"
)
_COLUMN = re.compile(
    r"(?:^|_)(?:username|password|passwd|token|cookie|authorization|secret|credentials?|key_iv|play_token)$"
    r"|^(?:mac|mac_raw|claimed_macs|(?:client|client_id|client_duid|relayed)_mac|serial|device_id2?_sent|signature|account|account_ref|person|phone)$",
    re.ASCII,
)
_HEADER_COLUMN = re.compile(r"cookie$|authorization$", re.ASCII)
_HEADER = re.compile(
    r"^((?:proxy-)?authorization|(?:set-)?cookie2?|x-(?:auth|access|api|play)[a-z-]*|token)(\s*:\s*)(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_QUERY = re.compile(rf"(?<=[?&;\s\"'{{,])((?:{_CREDENTIAL_NAMES})=)([^&;#\s\"'<>,]+)", re.IGNORECASE)
_JSON = re.compile(rf"(\"(?:{_CREDENTIAL_NAMES})\"\s*:\s*\")([^\"\\]+)", re.IGNORECASE)
_USER_INFO = re.compile(r"((?:[a-z][a-z0-9+.-]*:)//)([^/@\s:?#]+)(?::([^/@\s?#]*))?@", re.IGNORECASE)
_PATH = re.compile(
    r"(/(?:live|movie|series|timeshift)/)([^/?#\s\"']+)/([^/?#\s\"']+)"
    r"(?=/(?:[^/?#\s\"']+/){0,3}\d+(?:\.\w+)?(?:[?#\s\"']|$))",
    re.IGNORECASE,
)
_BARE_PATH = re.compile(
    r"((?:https?|rtmp|rtsp)://[^/?#\s\"']+/)([^/?#\s\"'.]{3,})/([^/?#\s\"'.]{3,})(?=/\d+(?:\.\w+)?(?:[?#\s\"']|$))",
    re.IGNORECASE,
)
_PLAY = re.compile(r"(/(?:play|token|hlsr?)/)([A-Za-z0-9_=+%-]{12,})(?=[/?#\s\"']|$)", re.IGNORECASE)
_FILE_NAME = re.compile(r"((?:playlist|ariva|simple)_)([^\"';/\s]+?)(?=(?:_plus)?\.(?:m3u8?|txt)\b)", re.IGNORECASE)
_MAC = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}(?::|-|%3[Aa])){5}[0-9A-Fa-f]{2}(?![0-9A-Za-z])")
_BARE_MAC = re.compile(r"[0-9A-Fa-f]{12}")
_HEX_RUN = re.compile(r"[0-9A-Fa-f](?:(?:[:.-]|%3[Aa]|%2[Dd])?[0-9A-Fa-f]){11,}")
_HEX_DIGIT = re.compile(r"(?:%3A|%2D)|([0-9A-F])", re.IGNORECASE)
_INTERFACE = re.compile(
    r"(?<![0-9A-Za-z:])[0-9A-F:]{2,32}ff:fe[0-9A-F]{2}:[0-9A-F]{1,4}(?![0-9A-Za-z:])", re.IGNORECASE
)
_FEWEST_DIGITS = 3
_PART = re.compile(r"[^-_.]+")
_WORD = re.compile(r"[^\s/?&=;:,#@\"'<>\[\](){}|\\]+")
_PATH_WORDS = frozenset(
    {"live", "movie", "series", "timeshift", "streaming", "hls", "vod", "play", "http", "https", "index", "deleted"}
)
_NOT_SECRET = frozenset({"path", "expires", "max-age", "domain", "samesite", "secure", "httponly", "partitioned"})
_SECRET_NAME = re.compile(rf"^(?:{_CREDENTIAL_NAMES})$", re.IGNORECASE)
_SOURCES = re.compile(
    r"url|uri|target|location|referer|cookie|authorization|headers|stream|name|password|token|app$|"
    r"^(?:mac|claimed_macs|(?:client|client_id|client_duid|relayed)_mac|serial|signature|account_ref|person|phone)$|device_id2?_sent$"
)


def may_hold_secrets(column: Column) -> bool:
    """Return True for columns from which the secrets of a case are learnt."""
    return column.type in {"text", "text[]"} and _SOURCES.search(column.name) is not None


def _plain(secret: str) -> str:
    """Return a secret without percent-encoding; a link-layer address in one form, however it was written."""
    plain = unquote(secret)
    if _MAC.fullmatch(plain) or _BARE_MAC.fullmatch(plain):
        digits = re.sub(r"[^0-9A-Fa-f]", "", plain).lower()
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    return plain


def _spellings(mac: str) -> Iterator[str]:
    """Return the hexadecimal digits as which a link-layer address (with colons) stands inside of others.

    By itself; as the 64-bit identifier of an interface, with its universal bit as in IPv6 addresses or without; the
    former backwards, too, as in names below `ip6.arpa`.
    """
    digits = mac.replace(":", "")
    if len(set(digits)) >= _FEWEST_DIGITS:
        flipped = f"{int(digits[:2], 16) ^ 2:02x}{digits[2:6]}fffe{digits[6:]}"
        yield from (digits, f"{digits[:6]}fffe{digits[6:]}", flipped, flipped[::-1])


class Redactor:
    """Replaces secrets in rows."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str, str] = {}
        self._hex: dict[str, str] = {}
        self._serials: dict[str, str] = {}
        self._broken: re.Pattern[str] | None = None

    @classmethod
    def of_case(cls, root: str | os.PathLike[str]) -> Redactor:
        """Return the redactor of a case folder; its key is made if there is none.

        Raises:
            CaseError: the key can be neither made nor read.
        """
        path = Path(root) / KEY_FILE
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(os.urandom(32).hex() + "\n")
        except FileExistsError:
            pass
        except OSError as error:
            why = f"{path}: the key of pseudonyms cannot be made ({error.strerror}): have the case's owner do it"
            raise CaseError(why) from error
        try:
            return cls(bytes.fromhex(path.read_text(encoding="ascii").strip()))
        except OSError as error:
            why = f"{path}: the key of pseudonyms cannot be read ({error.strerror}): only who made it may"
            raise CaseError(why) from error

    def learn(self, name: str, values: Iterable[Any]) -> None:
        """Note the secrets among the values of a column, so that they are found wherever else they stand."""
        for value in values:
            self.value(name, value)
            if name == "serial" and isinstance(value, str) and len(value) > MIN_WORD:
                self._serials[value] = self._secret(value)
        broken = sorted((s for s in self._serials if not _PART.fullmatch(s) or not _WORD.fullmatch(s)), key=len)
        self._broken = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, reversed(broken)))})(?!\w)") if broken else None

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        """Return rows without their secrets."""
        for row in rows:
            yield tuple(self.value(name, value) for name, value in zip(columns, row, strict=True))

    def value(self, name: str, value: Any) -> Any:
        """Return the value of a column without its secrets."""
        if isinstance(value, str):
            if _COLUMN.search(name) is None:
                return self.text(value)
            return self._field(value) if _HEADER_COLUMN.search(name) else self._secret(value)
        if isinstance(value, list | tuple):
            return [self.value(name, v) for v in value]
        if isinstance(value, dict):
            return {k: self.value(str(k), v) for k, v in value.items()}
        return value

    def text(self, text: str) -> str:
        """Return a text without the secrets that stand in it."""
        text = _HEADER.sub(lambda m: m[1] + m[2] + self._field(m[3]), text)
        text = _USER_INFO.sub(self._user_info, text)
        text = _QUERY.sub(lambda m: m[1] + self._secret(m[2]), text)
        text = _JSON.sub(lambda m: m[1] + self._secret(m[2]), text)
        for pattern in (_PATH, _BARE_PATH):
            text = pattern.sub(lambda m: f"{m[1]}{self._path_part(m[2])}/{self._path_part(m[3])}", text)
        text = _FILE_NAME.sub(lambda m: m[1] + self._secret(m[2]), text)
        text = _PLAY.sub(lambda m: m[1] + self._secret(m[2]), text)
        if self._known:  # learnt in one form, found in any
            text = _MAC.sub(lambda m: self._known.get(_plain(m[0]), m[0]), text)
            text = _INTERFACE.sub(self._interface, text)
            text = _HEX_RUN.sub(self._inside, text)
            if self._broken is not None:
                text = self._broken.sub(lambda m: self._serials[m[0]], text)
            text = _WORD.sub(self._word, text)
        return text

    def _word(self, match: re.Match[str]) -> str:
        """Return a word as it may be shown; serial numbers are found within names, too, as in `box-X1234`."""
        found = self._known.get(unquote(match[0]))
        if found is not None or not self._serials or "redacted-" in match[0]:
            return found or match[0]
        return _PART.sub(lambda part: self._serials.get(part[0], part[0]), match[0])

    def _interface(self, match: re.Match[str]) -> str:
        """Return an IPv6 address whose interface identifier is a known link-layer address without the latter."""
        try:
            address = IPv6Address(match[0])
        except ValueError:
            return match[0]
        pseudonym = self._hex.get(address.packed[8:].hex())
        return match[0] if pseudonym is None else f"{IPv6Address(int(address) >> 64 << 64)}{pseudonym}"

    def _inside(self, match: re.Match[str]) -> str:
        """Return a run of hexadecimal digits, separated or not, without the known addresses in it."""
        places = [m for m in _HEX_DIGIT.finditer(match[0]) if m[1]]
        digits = "".join(m[1] for m in places).lower()
        pieces, kept, at = [], 0, 0
        while at + 12 <= len(digits):
            size = next((len(d) for n in (16, 12) if (d := digits[at : at + n]) in self._hex), 0)
            if size:
                pieces += [match[0][kept : places[at].start()], self._hex[digits[at : at + size]]]
                kept = places[at + size - 1].end()
            at += size or 1
        return "".join((*pieces, match[0][kept:]))

    def _field(self, text: str) -> str:
        """Return a field that is secret as a whole; its form stays: cookie names, authorization scheme."""
        scheme, space, rest = text.strip().partition(" ")
        if space and ";" not in scheme and "=" not in scheme:
            return f"{scheme} {self._secret(rest)}"
        if "=" not in text.rstrip("="):
            return self._secret(text)
        return ";".join(self._pair(part) for part in text.split(";"))

    def _pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        if not equals or name.strip().lower() in _NOT_SECRET:
            return pair
        return f"{name}={self._secret(value, learn=_SECRET_NAME.match(name.strip()) is not None)}"

    def _user_info(self, match: re.Match[str]) -> str:
        password = "" if match[3] is None else ":" + self._secret(match[3])
        return f"{match[1]}{self._secret(match[2])}{password}@"

    def _path_part(self, part: str) -> str:
        return part if part.lower() in _PATH_WORDS else self._secret(part)

    def _secret(self, secret: str, *, learn: bool = True) -> str:
        """Return the pseudonym of a secret, as it would be without percent-encoding."""
        if not secret or secret.startswith("redacted-"):
            return secret
        plain = _plain(secret)
        mac = hmac.new(self._key, plain.encode("utf-8", "surrogatepass"), hashlib.sha256)
        pseudonym = f"redacted-{mac.hexdigest()[:12]}"
        if learn and len(plain) >= MIN_WORD and plain.lower() not in _PATH_WORDS:
            self._known[plain] = self._known[unquote(secret)] = pseudonym
            if _MAC.fullmatch(plain):
                self._hex.update(dict.fromkeys(_spellings(plain), pseudonym))
        return pseudonym
