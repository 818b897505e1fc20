"""IP addresses to countries and autonomous systems, by a database in MaxMind's format that the examiner gives.

MaxMind DB file format 2.0 (maxmind.github.io/MaxMind-DB); records as MaxMind, DB-IP and IPinfo shape them.

**Known limitations**: a database says where its maker believed a network to be when it was built. Networks move, and
addresses of content networks are everywhere: country and city of a server are a lead, not a finding.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from ..errors import CaseError, MissingProgramError

DAY_NS = 86_400_000_000_000
MAX_DAYS_APART = 30
_CODE = re.compile(r"[A-Za-z]{2}\Z")
_AS_NUMBER = re.compile(r"(?:AS)?([0-9]{1,10})\Z")


class Contact(NamedTuple):
    """An address of the case, and when it was in contact."""

    ip: str
    first_ns: int | None
    last_ns: int | None


def place_rows(contacts: Iterable[Contact], path: str | os.PathLike[str], sha256: str) -> Iterator[tuple[Any, ...]]:
    """Yield a row of the `places` table for each public address.

    Raises:
        CaseError: the file is no such database, or is damaged.
        MissingProgramError: the package maxminddb is not installed.
    """
    try:
        import maxminddb
    except ImportError as error:
        raise MissingProgramError("maxminddb is not installed: pip install 'iptvforensics[enrich]'") from error
    try:
        with closing(maxminddb.open_database(os.fspath(path), maxminddb.MODE_MMAP)) as database:
            about = database.metadata()
            built_ns = int(about.build_epoch) * 1_000_000_000
            tail = os.path.basename(os.fspath(path)), sha256
            for contact in contacts:
                address = ip_address(contact.ip)
                if not address.is_global or address.is_multicast or (address.version == 6 and about.ip_version == 4):
                    continue
                record, length = database.get_with_prefix_len(contact.ip)
                days, note = _apart(contact, built_ns)
                network = str(ip_network(f"{contact.ip}/{length}", strict=False)) if record is not None else None
                times = contact.first_ns, contact.last_ns
                about_file = str(about.database_type), built_ns, days, note
                yield (contact.ip, network, *said_by(record), *times, *about_file, *tail)
    except (maxminddb.InvalidDatabaseError, ValueError, OSError) as error:
        raise CaseError(f"{os.fspath(path)}: expected a database in MaxMind's format: {error}") from error


def _apart(contact: Contact, built_ns: int) -> tuple[float | None, str | None]:
    """Return the days between database and contact, and what follows from too many of them."""
    if contact.first_ns is None or contact.last_ns is None:
        return None, None
    if built_ns < contact.first_ns:
        days = (contact.first_ns - built_ns) / DAY_NS
        return round(days, 1), f"built {days:.0f} days before the contact" if days > MAX_DAYS_APART else None
    days = max(built_ns - contact.last_ns, 0) / DAY_NS
    return -round(days, 1), f"built {days:.0f} days after the contact" if days > MAX_DAYS_APART else None


def said_by(record: Any) -> tuple[str | None, str | None, str | None, int | None, str | None]:
    """Return country, country of registration, city, number and holder of the autonomous system of a record.

    Example:
        >>> said_by({"country": {"iso_code": "ID"}, "autonomous_system_number": 64500})
        ('ID', None, None, 64500, None)
    """
    if not isinstance(record, dict):
        return None, None, None, None, None
    number = record.get("autonomous_system_number", record.get("asn"))
    holder = _text(record.get("autonomous_system_organization", record.get("as_name", record.get("organization"))))
    country = _country(record.get("country", record.get("country_code")))
    return country, _country(record.get("registered_country")), _name(record.get("city")), _number(number), holder


def _country(value: Any) -> str | None:
    code = value.get("iso_code") if isinstance(value, dict) else value
    return code.upper() if isinstance(code, str) and _CODE.match(code) else None


def _name(value: Any) -> str | None:
    if isinstance(value, dict):
        names = value.get("names")
        return _text(names.get("en")) if isinstance(names, dict) else None
    return _text(value)


def _number(value: Any) -> int | None:
    match = _AS_NUMBER.match(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    return int(match[1]) if match else None


def _text(value: Any) -> str | None:
    return value or None if isinstance(value, str) else None
