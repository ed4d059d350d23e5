"""The store publishes a folder whole or not at all, and notices whatever changes in it later."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sentio.errors import CorruptStore, ResourceError, UsageError
from sentio.sealed_folder import SIGNATURE, SUMS, entry_id, read_sums, verify_sums
from sentio.store import publish, sha256_file, write_file

FILES = {"a.txt": b"alpha\n", "inner/b.bin": bytes(range(256)), "empty": b""}


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """A published folder."""
    destination = tmp_path / "place" / "entry"
    with publish(destination) as staging:
        (staging / "inner").mkdir()
        for name, data in FILES.items():
            (staging / name).write_bytes(data)
    return destination


def everything_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_published_folder_holds_what_was_written_and_nothing_lies_beside_it(entry: Path) -> None:
    found = everything_below(entry)
    assert {name: data for name, data in found.items() if name != SUMS} == FILES
    assert [path.name for path in entry.parent.iterdir()] == ["entry"]


def test_the_sums_are_those_of_hashlib_and_sha256sum_accepts_them(entry: Path) -> None:
    lines = sorted(f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in FILES.items())
    assert sorted((entry / SUMS).read_text().splitlines()) == lines
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=entry, check=True)


def test_the_identity_is_the_hash_of_the_sums(entry: Path) -> None:
    expected = hashlib.sha256((entry / SUMS).read_bytes()).hexdigest()
    assert entry_id(entry) == expected
    assert verify_sums(entry) == expected


def test_the_sums_are_read_by_name_without_a_look_at_the_files(entry: Path) -> None:
    (entry / "a.txt").unlink()
    assert read_sums(entry).hashes == {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}


@pytest.mark.parametrize(
    "more", ["\n", "0", f"{'0' * 63}  short\n", f"{'G' * 64}  no-hex\n", f"{'0' * 64}  \n"]
)
def test_sums_with_a_line_of_another_form_are_not_read(entry: Path, more: str) -> None:
    with (entry / SUMS).open("a") as stream:
        stream.write(more)
    with pytest.raises(CorruptStore, match=r"is not 'SHA256  NAME'|has no end"):
        read_sums(entry)


def test_each_single_bit_flipped_in_any_file_is_noticed(entry: Path) -> None:
    # All bits of the sums, for each has a meaning of its own; one bit of each byte elsewhere.
    for name, data in everything_below(entry).items():
        for place in range(len(data)):
            for bit in range(8) if name == SUMS else (place % 8,):
                flipped = bytearray(data)
                flipped[place] ^= 1 << bit
                (entry / name).write_bytes(bytes(flipped))
                with pytest.raises(CorruptStore):
                    verify_sums(entry)
        (entry / name).write_bytes(data)
    verify_sums(entry)


def test_each_truncation_of_the_sums_is_noticed(entry: Path) -> None:
    data = (entry / SUMS).read_bytes()
    for length in range(len(data)):
        (entry / SUMS).write_bytes(data[:length])
        with pytest.raises(CorruptStore):
            verify_sums(entry)


def test_all_damage_is_told_at_once(entry: Path) -> None:
    (entry / "a.txt").unlink()
    (entry / "empty").write_bytes(b"not any more")
    (entry / "inner" / "more").write_bytes(b"")
    with pytest.raises(CorruptStore) as caught:
        verify_sums(entry)
    assert sorted(problem.split(":")[0] for problem in caught.value.problems) == [
        "a.txt",
        "empty",
        "inner/more",
    ]


def test_a_link_to_the_very_bytes_is_refused(entry: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (entry / "a.txt").rename(elsewhere)
    (entry / "a.txt").symlink_to(elsewhere)
    with pytest.raises(CorruptStore, match=r"a\.txt: is a link or not a file"):
        verify_sums(entry)


def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(entry: Path) -> None:
    (entry / "a.txt").unlink()
    os.mkfifo(entry / "a.txt")
    with pytest.raises(CorruptStore, match=r"a\.txt: is a link or not a file"):
        verify_sums(entry)


def test_a_link_to_a_folder_with_the_very_files_is_refused(entry: Path, tmp_path: Path) -> None:
    (entry / "inner").rename(tmp_path / "elsewhere")
    (entry / "inner").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptStore) as caught:
        verify_sums(entry)
    assert list(caught.value.problems) == ["inner/b.bin: is missing", "inner: is not listed in SHA256SUMS"]


def test_sums_that_are_a_link_are_refused(entry: Path, tmp_path: Path) -> None:
    (entry / SUMS).rename(tmp_path / "elsewhere")
    (entry / SUMS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptStore, match="SHA256SUMS: is a link or not a file"):
        verify_sums(entry)


def test_a_dangling_link_is_an_extra_file(entry: Path) -> None:
    (entry / "dangling").symlink_to("nowhere")
    with pytest.raises(CorruptStore, match="dangling: is not listed"):
        verify_sums(entry)


def test_an_empty_folder_is_an_extra_one(entry: Path) -> None:
    (entry / "hollow").mkdir()
    with pytest.raises(CorruptStore, match="hollow: is not listed"):
        verify_sums(entry)


def test_nothing_is_opened_but_what_is_listed(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "more").write_bytes(b"")
    (entry / "inner" / "more").mkdir()
    opened, real = [], os.open

    def watched(path: str, *arguments: Any, **named: Any) -> int:
        opened.append(os.fspath(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "open", watched)
    with pytest.raises(CorruptStore) as caught:
        verify_sums(entry)
    assert list(caught.value.problems) == [
        f"{name}: is not listed in {SUMS}" for name in ("inner/more", "more")
    ]
    assert sorted(opened) == sorted([str(entry), SUMS, SIGNATURE, "a.txt", "empty", "inner", "b.bin"])


@pytest.mark.parametrize("name", ["/etc/passwd", "../a.txt", "inner/../a.txt"])
def test_a_listed_name_that_leaves_the_folder_is_refused(entry: Path, name: str) -> None:
    with (entry / SUMS).open("a") as stream:
        stream.write(f"{'0' * 64}  {name}\n")
    with pytest.raises(CorruptStore, match="is not allowed"):
        verify_sums(entry)


def test_a_name_listed_twice_is_refused(entry: Path) -> None:
    lines = (entry / SUMS).read_text()
    (entry / SUMS).write_text(lines + lines.splitlines(keepends=True)[0])
    with pytest.raises(CorruptStore, match="is not allowed"):
        verify_sums(entry)


def test_a_folder_without_sums_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptStore, match="holds no SHA256SUMS") as caught:
        verify_sums(tmp_path)
    assert "delete" not in caught.value.hint  # it may be a folder of the user's


@pytest.mark.parametrize("kind", ["entry", "empty folder", "file", "dangling link"])
def test_an_existing_name_is_refused_and_left_as_it_is(tmp_path: Path, kind: str) -> None:
    destination = tmp_path / "taken"
    if kind == "entry":
        with publish(destination) as staging:
            (staging / "old").write_bytes(b"old")
    elif kind == "empty folder":
        destination.mkdir()
    elif kind == "file":
        destination.write_bytes(b"file")
    else:
        destination.symlink_to("nowhere")
    before = (destination.is_symlink(), destination.is_dir(), everything_below(tmp_path))
    with pytest.raises(UsageError, match="never overwritten"), publish(destination) as staging:
        (staging / "new").write_bytes(b"new")
    assert (destination.is_symlink(), destination.is_dir(), everything_below(tmp_path)) == before
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_an_error_in_the_block_goes_through_and_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def write_half() -> None:
        with publish(tmp_path / "entry") as staging:
            (staging / "half").write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_in_the_block_is_a_resource_error_that_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="no space left") as caught, publish(tmp_path / "entry"):
        raise OSError(28, "No space left on device", "/data/x.npy")
    assert caught.value.where == "/data/x.npy"
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_made_is_a_resource_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResourceError), publish(tmp_path / "file" / "entry"):
        pytest.fail("there is nowhere to write")


def test_write_file_makes_folders_replaces_whole_files_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.bin"
    write_file(path, b"one")
    write_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]
    assert sha256_file(path) == hashlib.sha256(b"two").hexdigest()


def test_write_file_onto_a_folder_leaves_it_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ResourceError):
        write_file(tmp_path / "taken", b"data")
    assert os.listdir(tmp_path) == ["taken"]
