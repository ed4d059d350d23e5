"""The command `sentio`: parses, calls one library function, prints."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Entry point of the command `sentio`."""
    from sentio.cli.app import app
    from sentio.cli.screen import run

    run(app)
