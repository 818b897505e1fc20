"""What was installed is part of the manifest, and what differs is said."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest

from iptvforensics.libraries import READ_BY, present, unlike


def test_versions_are_those_of_the_installer() -> None:
    assert present() == {name: version(name) for name in READ_BY}


def test_a_library_that_is_not_there_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hpack-4.1.0.dist-info", "backports_zstd-1.0.0-py3.11.egg-info", "hpack_more-1.dist-info", "brotli"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path / "none"), str(tmp_path)])
    assert present() == {"hpack": "4.1.0", "backports.zstd": "1.0.0"}


def test_a_folder_that_cannot_be_listed_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hpack-4.1.0.dist-info").mkdir()
    (tmp_path / "archive.zip").touch()

    def listed(folder: str) -> list[str]:
        if folder == "closed":
            raise PermissionError
        return real(folder)

    real = os.listdir
    monkeypatch.setattr("os.listdir", listed)
    monkeypatch.setattr("sys.path", ["closed", str(tmp_path / "archive.zip"), str(tmp_path)])
    assert present() == {"hpack": "4.1.0"}


@pytest.mark.parametrize(
    ("recorded", "here", "said"),
    [
        ({"hpack": "1"}, {"hpack": "1"}, ""),
        ({"hpack": "1"}, {}, "analysed with hpack 1 (HTTP/2), which is not installed here"),
        ({"hpack": "1"}, {"hpack": "2"}, "analysed with hpack 1 (HTTP/2), here is 2"),
        ({}, {"pylsqpack": "1"}, "analysed without pylsqpack (HTTP/3), which is here in version 1"),
    ],
)
def test_what_differs_is_said(recorded: dict[str, str], here: dict[str, str], said: str) -> None:
    assert unlike(recorded, here) == said
