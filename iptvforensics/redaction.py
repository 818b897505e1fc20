"""Secrets in rows -> pseudonyms: keyed, and the same wherever the same secret stands.

A pseudonym is `redacted-` and the first 12 hexadecimal digits of HMAC-SHA-256 over the secret, under a key that
the case folder keeps in `redaction.key` (readable by its owner only, made on first use). Without the key nobody
can try out passwords; with it, the same secret has the same pseudonym in all tables and exports of the case.

Secret are: the values of columns with a secret's name (`password`, `cookie`, ...), the addresses, serial numbers and
persons that accounts and devices claim; and in every text, what stands where secrets stand (`secret_places`). Whatever
was found to be secret in one place of the case is replaced as a whole wherever else it stands, in any spelling
(`secret_search`); where several overlap, the longest counts.

Secrets shorter than four characters are replaced only in their places: as part of a path, as value of a parameter, and
where an explanation names the user.

A claimed address that is the observed one, too, is replaced in both places; so it is inside of hexadecimal digits
(DHCP identifiers, UUIDs), of names (`box-a4bb6d117e08`) and of IPv6 addresses that are made of it (RFC 4291,
appendix A), for each of them would undo the pseudonym.

**Known limitations**: those of the two modules named. Short names and passwords stay in running text. Inside of
hexadecimal digits an address with less than three different digits (`00:00:00:00:00:00`) is not looked for: it would
be found by chance. Identifiers of entities (`line_id`) and hash sums of bodies are digests without a key: whoever
guesses a whole line can check the guess with them.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from .errors import CaseError
from .schema import Column
from .secret_places import Place, field_places, is_folder, places
from .secret_search import Found, KnownSecrets, plain_text

KEY_FILE = "redaction.key"
MIN_WORD = 4

_KEY_BYTES = 32
_KEY = re.compile(rb"\s*[0-9A-Fa-f]{64}\s*")

_COLUMN = re.compile(
    r"(?:^|_)(?:username|password|passwd|token|cookie|authorization|secret|credentials?|key_iv|play_token)$"
    r"|^(?:mac|mac_raw|claimed_macs|(?:client|client_id|client_duid|relayed)_mac|serial|device_id2?_sent|signature|account|account_ref|person|phone)$",
    re.ASCII,
)
_HEADER_COLUMN = re.compile(r"cookie$|authorization$", re.ASCII)
_NAME_COLUMN = re.compile(r"(?:^|_)(?:username|password)$", re.ASCII)
_MAC = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}(?::|-|%3[Aa])){5}[0-9A-Fa-f]{2}(?![0-9A-Za-z])")
_BARE_MAC = re.compile(r"[0-9A-Fa-f]{12}")
_HEX_RUN = re.compile(r"[0-9A-Fa-f](?:(?:[:.-]|%3[Aa]|%2[Dd])?[0-9A-Fa-f]){11,}")
_HEX_DIGIT = re.compile(r"(?:%3A|%2D)|([0-9A-F])", re.IGNORECASE)
_INTERFACE = re.compile(
    r"(?<![0-9A-Za-z:])[0-9A-F:]{2,32}ff:fe[0-9A-F]{2}:[0-9A-F]{1,4}(?![0-9A-Za-z:])", re.IGNORECASE
)
_FEWEST_DIGITS = 3
_BASIC = re.compile(r"\bBasic\s+([A-Za-z0-9+/]{4,4096}={0,2})", re.IGNORECASE)
_NO_SECRETS = frozenset({"true", "false", "null", "none", "undefined", "deleted"})
_PSEUDONYM = re.compile(r"redacted-[0-9a-f]{12}")
_PATH_PART = re.compile(r"(?<=/)([^/?#\s\"'=&<>,]{1,18})(?=[/?#\s\"'<>,]|\.\w{2,5}(?:[?#\s\"'<>,]|$)|$)")
_PARAMETER = re.compile(r"[?&;][\w.-]{1,32}=([^&;#\s\"'<>,]{1,18})(?=[&;#\s\"'<>,]|$)")
_NAMED_USER = re.compile(r"\b(?:user|line) (\S{1,3})(?!\S)(?: (\S{1,3})(?!\S))?")
_MEMO = 1 << 15
_SOURCES = re.compile(
    r"url|uri|target|location|referer|cookie|authorization|headers|stream|name|password|token|app$|"
    r"^(?:mac|claimed_macs|(?:client|client_id|client_duid|relayed)_mac|serial|signature|account_ref|person|phone)$|device_id2?_sent$"
)


def may_hold_secrets(column: Column) -> bool:
    """Return True for columns from which the secrets of a case are learnt."""
    return column.type in {"text", "text[]"} and _SOURCES.search(column.name) is not None


def _plain(secret: str) -> str:
    """Return a secret without escapes; a link-layer address in one form, however it was written."""
    plain = plain_text(secret)
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


def _key(path: Path) -> bytes:
    """Return the key that a file keeps; it is made if there is none.

    One that is not whole (a full disk, a process that was killed, or is at it just now) would be no secret.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError as error:
        why = f"{path}: the key of pseudonyms cannot be made ({error.strerror}): have the case's owner do it"
        raise CaseError(why) from error
    else:
        _write_key(file, path)
    try:
        text = path.read_bytes()
    except OSError as error:
        why = f"{path}: the key of pseudonyms cannot be read ({error.strerror}): only who made it may"
        raise CaseError(why) from error
    if _KEY.fullmatch(text) is None:
        why = "try again; if it stays so, put back a copy, or remove it and have other pseudonyms from now on"
        raise CaseError(f"{path}: the key of pseudonyms is not whole (expected 64 hexadecimal digits): {why}")
    return bytes.fromhex(text.decode("ascii"))


def _write_key(file: int, path: Path) -> None:
    """Write a new key to an open file, which is removed if that fails."""
    try:
        try:
            text = os.urandom(_KEY_BYTES).hex().encode() + b"\n"
            if os.write(file, text) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CaseError(f"{path}: the key of pseudonyms cannot be written ({error.strerror})") from error


class Redactor:
    """Replaces secrets in rows."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known = KnownSecrets()
        self._macs: dict[str, str] = {}
        self._hex: dict[str, str] = {}
        self._short: dict[str, str] = {}
        self._memo: dict[str, str] = {}

    @classmethod
    def of_case(cls, root: str | os.PathLike[str]) -> Redactor:
        """Return the redactor of a case folder; its key is made if there is none.

        Raises:
            CaseError: the key can be neither made nor read, or is not whole.
        """
        return cls(_key(Path(root) / KEY_FILE))

    def learn(self, name: str, values: Iterable[Any]) -> None:
        """Note the secrets among the values of a column, so that they are found wherever else they stand."""
        for value in values:
            if isinstance(value, str):
                for place in self._places(name, value):
                    self._secret(value[place.start : place.end], place)
                for credentials in _BASIC.finditer(value):
                    self._learn_basic(credentials[1])
            elif isinstance(value, list | tuple):
                self.learn(name, value)

    def _learn_basic(self, credentials: str) -> None:
        """Note user name and password of a basic authorization (RFC 7617)."""
        try:
            data = b64decode(credentials + "=" * (-len(credentials) % 4))
        except ValueError:
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        user, colon, password = text.partition(":")
        for part in (user, password) if colon else ():
            self._secret(part, Place(0, len(part), is_name=True))

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        """Return rows without their secrets."""
        for row in rows:
            yield tuple(self.value(name, value) for name, value in zip(columns, row, strict=True))

    def value(self, name: str, value: Any) -> Any:
        """Return the value of a column without its secrets."""
        if isinstance(value, str):
            if _COLUMN.search(name) is None:
                return self.text(value)
            if _HEADER_COLUMN.search(name) is None:
                return self._secret(value, next(self._places(name, value), Place(0, 0)))
            return self._without(value, self._places(name, value))
        if isinstance(value, list | tuple):
            return [self.value(name, v) for v in value]
        if isinstance(value, dict):
            return {k: self.value(str(k), v) for k, v in value.items()}
        return value

    def text(self, text: str) -> str:
        """Return a text without the secrets that stand in it."""
        found = self._memo.get(text)
        if found is None:
            found = self._without(text, places(text))
            if len(self._memo) >= _MEMO:
                self._memo.clear()
            self._memo[text] = found
        return found

    @staticmethod
    def _places(name: str, value: str) -> Iterator[Place]:
        """Return where secrets stand in a value of a column."""
        if _COLUMN.search(name) is None:
            yield from places(value)
        elif _HEADER_COLUMN.search(name) is None:
            if value:
                yield Place(0, len(value), is_name=_NAME_COLUMN.search(name) is not None)
        else:
            yield from field_places(value)
            yield from places(value)

    def _without(self, text: str, where: Iterable[Place]) -> str:
        """Return a text with pseudonyms in the given places and wherever a known secret stands."""
        found = []
        for place in where:
            instead = self._secret(text[place.start : place.end], place)
            found.append(Found(place.start, place.end, instead))
        found += self._known.find(text)
        if self._macs:  # learnt in one form, found in any
            found += (
                Found(*m.span(), self._macs[mac]) for m in _MAC.finditer(text) if (mac := _plain(m[0])) in self._macs
            )
            found += self._interfaces(text)
            for run in _HEX_RUN.finditer(text):
                found += self._inside(run)
        if self._short:
            found += self._short_ones(text)
        return _replaced(text, found) if found else text

    def _short_ones(self, text: str) -> Iterator[Found]:
        """Return where short user names and passwords stand as a part of a path, as a value, or named as a user."""
        for pattern in (_PATH_PART, _PARAMETER, _NAMED_USER):
            for match in pattern.finditer(text):
                for group in range(1, pattern.groups + 1):
                    pseudonym = self._short.get(_plain(match[group] or ""))
                    if pseudonym is not None:
                        yield Found(*match.span(group), pseudonym)

    def _interfaces(self, text: str) -> Iterator[Found]:
        """Return the IPv6 addresses whose interface identifier is a known link-layer address, without the latter."""
        for match in _INTERFACE.finditer(text):
            try:
                address = IPv6Address(match[0])
            except ValueError:
                continue
            pseudonym = self._hex.get(address.packed[8:].hex())
            if pseudonym is not None:
                yield Found(*match.span(), f"{IPv6Address(int(address) >> 64 << 64)}{pseudonym}")

    def _inside(self, run: re.Match[str]) -> Iterator[Found]:
        """Return the known addresses in a run of hexadecimal digits, separated or not."""
        digits_at = [m for m in _HEX_DIGIT.finditer(run[0]) if m[1]]
        digits = "".join(m[1] for m in digits_at).lower()
        at = 0
        while at + 12 <= len(digits):
            size = next((len(d) for n in (16, 12) if (d := digits[at : at + n]) in self._hex), 0)
            if size:
                start, end = digits_at[at].start(), digits_at[at + size - 1].end()
                yield Found(run.start() + start, run.start() + end, self._hex[digits[at : at + size]])
            at += size or 1

    def _secret(self, secret: str, place: Place) -> str:
        """Return the pseudonym of a secret, as it would be without escapes; it is noted if its place says so."""
        if not secret or _PSEUDONYM.fullmatch(secret):
            return secret
        plain = _plain(secret)
        mac = hmac.new(self._key, plain.encode("utf-8", "surrogatepass"), hashlib.sha256)
        pseudonym = f"redacted-{mac.hexdigest()[:12]}"
        if place.is_known and plain.lower() not in _NO_SECRETS and not is_folder(plain):
            self._learn(plain, pseudonym, place)
        return pseudonym

    def _learn(self, plain: str, pseudonym: str, place: Place) -> None:
        known = len(self._known), len(self._short), len(self._macs)
        if len(plain) >= MIN_WORD:
            self._known.add(plain, pseudonym)
        elif place.is_name:
            self._short[plain] = pseudonym
        if _MAC.fullmatch(plain):
            self._macs[plain] = pseudonym
            self._hex.update(dict.fromkeys(_spellings(plain), pseudonym))
        if known != (len(self._known), len(self._short), len(self._macs)):
            self._memo.clear()


def _replaced(text: str, found: list[Found]) -> str:
    """Return a text with its places replaced; of places that overlap, the longest says by what."""
    pieces: list[str] = []
    kept = 0
    found.sort(key=lambda f: (f.start, -f.end))
    at = 0
    while at < len(found):
        start, end = found[at].start, found[at].end
        longest = found[at]
        at += 1
        while at < len(found) and found[at].start < end:
            end = max(end, found[at].end)
            longest = max(longest, found[at], key=lambda f: f.end - f.start)
            at += 1
        pieces += (text[kept:start], longest.instead)
        kept = end
    return "".join((*pieces, text[kept:]))
