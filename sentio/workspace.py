"""Where things are: the root folder of a project and the fixed places below it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sentio.errors import UsageError

__all__ = ["Workspace", "shipped_specs"]


def shipped_specs() -> Path:
    """The folder of the specs that ship with Sentio: in a checkout `specs/`, else inside the wheel."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "specs"
    return checkout if (package.parent / "pyproject.toml").is_file() else package / "shipped_specs"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one project.

    `root` is what everything else derives from: `--root`, else `SENTIO_ROOT`, else the nearest
    parent of the working directory that holds `specs/`.
    """

    root: Path

    @classmethod
    def find(cls, root: str | os.PathLike[str] | None = None) -> Workspace:
        """Resolve the root.

        Raises:
            UsageError: a named root does not exist, or no parent folder holds `specs/`.
        """
        named = root if root is not None else os.environ.get("SENTIO_ROOT")
        if named:
            path = Path(named).expanduser().resolve()
            if not path.is_dir():
                raise UsageError(str(named), "is not a folder", hint="check --root and SENTIO_ROOT")
            return cls(path)
        here = Path.cwd().resolve()
        for folder in (here, *here.parents):
            if (folder / "specs").is_dir():
                return cls(folder)
        raise UsageError(
            str(here),
            "neither this folder nor a parent holds specs/",
            hint="change into a Sentio project, or name it with --root or SENTIO_ROOT",
        )

    @classmethod
    def find_if_any(cls, root: str | os.PathLike[str] | None = None) -> Workspace | None:
        """As `find`, but None outside of any project where no root is named.

        Raises:
            UsageError: a named root does not exist.
        """
        try:
            return cls.find(root)
        except UsageError:
            if root is not None or os.environ.get("SENTIO_ROOT"):
                raise
            return None

    @property
    def bars(self) -> Path:
        """Imported and simulated bars, one file a symbol and interval."""
        return self.root / "data" / "bars"

    @property
    def cache(self) -> Path:
        """Computed features, one immutable folder an entry."""
        return self.root / "data" / "cache"

    @property
    def runs(self) -> Path:
        """Run directories, one a training."""
        return self.root / "artifacts" / "runs"

    @property
    def artifacts(self) -> Path:
        """Runs, and bundles as MODEL_ID/VERSION."""
        return self.root / "artifacts"

    @property
    def specs(self) -> Path:
        """The project's own feature specs and training configurations."""
        return self.root / "specs"
