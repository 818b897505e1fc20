"""The folder of machine code is one that nobody else can write to, or there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from iptvforensics.kernel_cache import cache_folder, is_private, keep, read_kept


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IPTVFORENSICS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_cache_folder_that_others_may_write_to_is_not_used(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    assert cache_folder() is None
    cache.chmod(0o700)
    assert cache_folder() == cache


def test_a_new_cache_folder_is_private(cache: Path) -> None:
    assert cache_folder() == cache
    assert is_private(cache)
    assert cache.stat().st_mode & 0o077 == 0


def test_without_a_name_it_lies_in_the_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IPTVFORENSICS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "iptvforensics"


def test_where_no_folder_can_be_made_another_place_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IPTVFORENSICS_CACHE", raising=False)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = cache_folder()
    assert folder is not None
    assert folder.parent == tmp_path


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_a_file_that_others_may_write_to_is_not_private(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "code.o"
    path.write_bytes(b"")
    path.chmod(0o600)
    assert is_private(path)
    path.chmod(mode)
    assert not is_private(path)


def test_what_is_kept_is_read_if_it_is_whole_and_nobody_else_may_have_written_it(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    path = folder / "loop.o"
    assert read_kept(path) is None
    keep(path, b"machine code")
    assert read_kept(path) == b"machine code"
    folder.chmod(0o777)
    assert read_kept(path) is None
    folder.chmod(0o700)
    path.write_bytes(path.read_bytes() + b"more")
    assert read_kept(path) is None
