"""`sentio native`: build the C++ extension, and tell which one is there."""

from __future__ import annotations

import typer

from sentio.cli.screen import JsonOption, VerboseOption, message, print_json, progress, table

__all__ = ["app"]

app = typer.Typer(help="The C++ extension: build it, tell of it.", no_args_is_help=True)


@app.command()
def build(verbose: bool = VerboseOption) -> None:
    """Build the extension from the checkout and install it for this Python.

    Example: sentio native build
    """
    from sentio.native import build_extension

    with progress("building sentio_features") as advance:
        path = build_extension(message if verbose else lambda line: advance(0, line[:60]))
    print(path)


@app.command()
def info(
    as_json: bool = JsonOption,
    cmake_dir: bool = typer.Option(
        False,
        "--cmake-dir",
        help="Print the folder of sentioConfig.cmake and nothing else: CMake's sentio_DIR.",
    ),
) -> None:
    """Tell the extension's version, compiler, flags, instruction set and place.

    Example: sentio native info --json
    """
    from dataclasses import asdict

    from sentio.native import cmake_folder, native_info

    if cmake_dir:
        print(cmake_folder())
        return
    facts = {name: str(value) if name == "path" else value for name, value in asdict(native_info()).items()}
    if as_json:
        print_json(facts)
    else:
        table("", ["fact", "value"], [[name.replace("_", " "), str(value)] for name, value in facts.items()])
