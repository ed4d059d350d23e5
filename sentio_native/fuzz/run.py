"""Runs the libFuzzer programs of a build, several at a time: each from its seeds and its corpus.

run.py BUILD [--runs N] [--jobs N] [--seed N] [READER...]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sentio.errors import CheckFailed, EnvironmentProblem, SentioError

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
READERS = sorted(path.name for path in CORPUS.iterdir())
JSON_READERS = {"manifest", "safetensors", "spec"}
# Longer than any seed, so that a mutation may add something; a longer input costs more than it finds.
ROOM = 1.5
SHOWN_LINES = 40
# For speed while searching: an exception costs six times as much where the stack is watched after a return,
# and libFuzzer's entropic schedule more than the reader does. What is worth keeping is read again with all
# checks.
ASAN_OPTIONS = "detect_stack_use_after_return=0:malloc_context_size=2:quarantine_size_mb=16"
SEARCH = ("-entropic=0", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1")


@dataclass(frozen=True, slots=True)
class Result:
    """What a program did: `executions` of its reader; branches and files of its corpus at the end."""

    reader: str
    executions: int
    seconds: int
    coverage: int
    corpus: int

    def __str__(self) -> str:
        rate = self.executions // max(self.seconds, 1)
        return (
            f"{self.reader:14} {self.executions:>11,} executions {self.seconds:>6,} s {rate:>8,} /s"
            f" {self.coverage:>6,} edges {self.corpus:>6,} inputs"
        )


def last_number(pattern: str, text: str) -> int:
    """The last match's group as a number."""
    return int(re.findall(pattern, text)[-1])


def run(reader: str, command: Sequence[str | Path], **environment: str) -> str:
    """What a program says.

    Raises:
        CheckFailed: it ends with an error, as it does where a sanitizer or a promise speaks up.
    """
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    log = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise CheckFailed(
            f"fuzz {reader}",
            f"ended with {done.returncode}",
            problems=log.strip().splitlines()[-SHOWN_LINES:],
            hint=f"mend it, and keep the input in {(CORPUS / reader).relative_to(HERE.parents[1])}",
        )
    return log


def fuzz(build: Path, reader: str, runs: int, seed: int) -> Result:
    """Search by one program, to its end.

    Raises:
        CheckFailed: it found something, or did not run as often as it was told to.
    """
    seeds, found, crash = (build / name / reader for name in ("seeds", "found", "crash"))
    for folder in (seeds, found, crash):
        folder.mkdir(parents=True, exist_ok=True)
    replay = build / f"replay_{reader}"
    run(reader, [replay, "--seeds", seeds])
    longest = max(path.stat().st_size for path in seeds.iterdir())
    options = [*SEARCH, f"-runs={runs}", f"-seed={seed}", f"-max_len={int(ROOM * longest)}"]
    if reader in JSON_READERS:
        options.append(f"-dict={HERE / 'json.dict'}")
    # The first folder is where libFuzzer keeps what is worth keeping.
    command = [
        build / f"fuzz_{reader}",
        *options,
        f"-artifact_prefix={crash}/",
        found,
        seeds,
        CORPUS / reader,
    ]
    log = run(reader, command, ASAN_OPTIONS=ASAN_OPTIONS)
    result = Result(
        reader,
        last_number(r"stat::number_of_executed_units:\s*(\d+)", log),
        last_number(r"Done \d+ runs in (\d+) second", log),
        last_number(r"cov: (\d+)", log),
        last_number(r"corp: (\d+)", log),
    )
    if result.executions < runs:
        raise CheckFailed(f"fuzz {reader}", f"ran {result.executions} times, not {runs}")
    run(reader, [replay, found])
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the fuzzers; returns the exit code."""
    parser = argparse.ArgumentParser(description="hostile bytes for each reader")
    parser.add_argument("build", type=Path, help="the folder of the programs")
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of: {', '.join(READERS)}")
    parser.add_argument("--runs", type=int, required=True, help="executions of each reader")
    parser.add_argument("--jobs", type=int, default=2, help="programs at a time")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer's choices")
    options = parser.parse_intermixed_args(arguments)
    readers = options.readers or READERS
    if unknown := sorted(set(readers) - set(READERS)):
        parser.error(f"no reader is called {', '.join(unknown)}; there are: {', '.join(READERS)}")
    build, total = options.build.absolute(), 0
    try:
        if missing := [name for name in readers if not (options.build / f"fuzz_{name}").is_file()]:
            raise EnvironmentProblem(
                str(options.build), f"has no fuzz_{missing[0]}", hint="build with -DSENTIO_FUZZ=ON: make fuzz"
            )
        with ThreadPoolExecutor(options.jobs) as pool:
            for result in pool.map(lambda name: fuzz(build, name, options.runs, options.seed), readers):
                print(result, flush=True)
                total += result.executions
    except SentioError as error:
        print(f"fuzz: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{total:,} executions, 0 findings", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
