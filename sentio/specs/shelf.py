"""Where feature specs lie: in the project's own folder, then among those that ship with Sentio."""

from __future__ import annotations

import os
from pathlib import Path

from sentio.errors import SpecError, UsageError, did_you_mean
from sentio.workspace import Workspace, shipped_specs

__all__ = ["find_spec", "list_specs"]

_SUFFIX = ".json"


def list_specs(root: str | os.PathLike[str] | None = None) -> dict[str, Path]:
    """All specs that have a name here, in the order of their names.

    Args:
        root: the project's folder, else as `Workspace.find`; outside of a project there are the shipped ones.

    Returns:
        The file of each name; a project's own spec comes before a shipped one of the same name.
    """
    found: dict[str, Path] = {}
    for folder in reversed(_folders(root)):
        found |= {path.stem: path for path in folder.glob(f"*{_SUFFIX}")}
    return dict(sorted(found.items()))


def find_spec(name_or_path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> Path:
    """The file of a spec.

    Args:
        name_or_path: a name as in `list_specs`, or the path of a .json file.
        root: the project's folder.

    Raises:
        UsageError: there is no spec of that name.
        SpecError: there is no such file.
    """
    text = os.fspath(name_or_path)
    path = Path(text).expanduser()
    if path.suffix == _SUFFIX or path.name != text:
        if not path.is_file():
            raise SpecError(text, "is not a file")
        return path
    known = list_specs(root)
    if text not in known:
        raise UsageError(
            "spec",
            f"{text!r} is not known; there are {', '.join(known) or 'none'}",
            hint=did_you_mean(text, known) or f"or name a {_SUFFIX} file by its path",
        )
    return known[text]


def _folders(root: str | os.PathLike[str] | None) -> list[Path]:
    """Where names are looked up, the first wins."""
    project = Workspace.find_if_any(root)
    places = [shipped_specs()] if project is None else [project.specs, shipped_specs()]
    return [place / "features" for place in places]
