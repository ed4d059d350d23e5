"""Making a bundle: goldens, its backends' files, manifest, and all of them from a finished run."""

from sentio.export.run import export_run, newest_finished, next_version
from sentio.export.write import Source, write_bundle

__all__ = ["Source", "export_run", "newest_finished", "next_version", "write_bundle"]
