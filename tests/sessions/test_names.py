"""Names that the media themselves carry."""

from __future__ import annotations

import pytest

from iptvforensics.sessions.names import constant_title, service_name, session_data_title
from iptvforensics.sessions.records import Service


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Kestrel News", "Kestrel News "], "Kestrel News"),
        (["Kestrel News", None], "Kestrel News"),
        (["Kestrel News", "Kestrel Kids"], None),
        (["Service01"], None),
        (["hex:ff01"], None),
        (["", None], None),
        ([], None),
    ],
)
def test_service_name(names, expected):
    assert service_name(Service(0, 0, 0, 0, False, 0, 1, name, None, True, True) for name in names) == expected


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (["Night Train", "Night Train"], "Night Train"),
        (["Night Train", "Day Train"], None),
        (["Night Train", None], None),
        (["a/b.ts"], None),
        (["seg1.TS"], None),
        (["no desc"], None),
        ([None], None),
        ([], None),
    ],
)
def test_constant_title(titles, expected):
    assert constant_title(titles) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (['{"DATA-ID": "com.example.title", "VALUE": "T"}'], "T"),
        (['{"DATA-ID": "com.example.subtitle", "VALUE": "T"}'], None),
        (['{"DATA-ID": "title", "VALUE": "T"}', '{"DATA-ID": "title", "VALUE": "U"}'], None),
        (['{"DATA-ID": "title"}'], None),
        (["[1]", "{broken", '{"DATA-ID": 5, "VALUE": 6}'], None),
    ],
)
def test_session_data_title(data, expected):
    assert session_data_title(data) == expected
