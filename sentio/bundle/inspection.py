"""Looking at bundles without running them: what one says, where two differ, which format one has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from sentio.bundle.folder import MANIFEST, BundleFiles, check_listing, read_files
from sentio.bundle.manifest import FORMAT, Manifest, parse_manifest
from sentio.errors import BadInput, CorruptStore
from sentio.strict_json import parse_json

__all__ = ["Contents", "Difference", "check_format", "compare", "read_contents"]


@dataclass(frozen=True, slots=True)
class Contents:
    """A bundle's files, each with the hash that was sealed, and its manifest; nothing was run.

    Whose signature it bears is for `load_bundle` and `verify_bundle` to check, by a key that is trusted.

    Attributes:
        files: the bytes, checked against `SHA256SUMS`.
        manifest: metadata.json.
    """

    files: BundleFiles
    manifest: Manifest

    def facts(self) -> Iterator[tuple[str, JsonValue]]:
        """The manifest's fields by their paths, for people: of a list its length, or the names in it."""
        yield "bundle", self.files.id
        yield "files", len(self.files.contents)
        yield "signature", "present, not checked" if self.files.signed else "none"
        for path, value in _leaves(self.manifest.model_dump(mode="json"), "", into_lists=False):
            yield path, _brief(value) if isinstance(value, list) else value

    def to_document(self) -> dict[str, object]:
        """Everything for scripts: the whole manifest beside the bundle's id."""
        return {
            "bundle": self.files.id,
            "signature": {"present": self.files.signed, "checked": False},
            "files": sorted(self.files.contents),
            "manifest": self.manifest.model_dump(mode="json"),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two bundles do not share.

    Attributes:
        what: "field" of the manifest, or "file".
        name: the field's path or the file's name.
        first: the field's value as JSON, or the file's SHA-256; None where the first bundle lacks it.
        second: the same of the second.
    """

    what: str
    name: str
    first: str | None
    second: str | None


def read_contents(folder: Path) -> Contents:
    """Read a bundle without running it.

    Raises:
        UsageError: there is no such folder.
        CorruptStore: a file is damaged, the manifest is none of this format version, or the files are not
            those that it names.
    """
    files = read_files(folder)
    manifest = parse_manifest(files[MANIFEST], str(folder / MANIFEST))
    check_listing(files, manifest)
    return Contents(files, manifest)


def compare(first: Contents, second: Contents) -> list[Difference]:
    """The manifest's fields that differ, then the files; the manifest itself is not told as a file."""
    fields = [
        {path: json.dumps(value) for path, value in _leaves(each.manifest.model_dump(mode="json"), "")}
        for each in (first, second)
    ]
    hashes = [
        {name: digest for name, digest in each.files.hashes().items() if name != MANIFEST}
        for each in (first, second)
    ]
    return [*_differences("field", *fields), *_differences("file", *hashes)]


def check_format(folder: Path) -> int:
    """The format version of a bundle that this release can read; there is one so far, so nothing is upgraded.

    Raises:
        UsageError: there is no such folder.
        CorruptStore: a file is damaged, or the manifest tells no format version.
        BadInput: the bundle has another format version than this release knows.
    """
    files = read_files(folder)
    where = str(folder / MANIFEST)
    document = parse_json(files[MANIFEST], where)
    found = document.get("format_version") if isinstance(document, dict) else None
    if type(found) is not int:
        raise CorruptStore(where, "tells no format version")
    if found != FORMAT:
        raise BadInput(
            where,
            f"has format version {found}; this release knows {FORMAT}",
            hint="install the release that made the bundle, or a later one",
        )
    return found


def _brief(values: list[JsonValue]) -> str:
    names = [value for value in values if isinstance(value, str)]
    return ", ".join(names) if names and len(names) == len(values) else f"{len(values)} entries"


def _leaves(value: JsonValue, path: str, *, into_lists: bool = True) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key, into_lists=into_lists)
    elif isinstance(value, list) and value and into_lists:
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]", into_lists=into_lists)
    else:
        yield path, value


def _differences(what: str, first: dict[str, str], second: dict[str, str]) -> list[Difference]:
    names = [*first, *(name for name in second if name not in first)]
    return [
        Difference(what, name, first.get(name), second.get(name))
        for name in names
        if first.get(name) != second.get(name)
    ]
