"""Proving a bundle: every check as a line, in Python and, through `sentio_cli verify`, in C++."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sentio.bundle import checks, cold_start
from sentio.bundle.folder import (
    MANIFEST,
    STATE,
    BundleFiles,
    Goldens,
    check_listing,
    open_bundle,
    read_opened,
)
from sentio.bundle.manifest import BATCHES, Backend, Manifest, parse_manifest
from sentio.bundle.models import load_model
from sentio.bundle.native import NativeModel
from sentio.errors import BadInput, CheckFailed, CorruptStore, EnvironmentProblem
from sentio.signature import TrustedKey
from sentio.specs import FeatureSpec
from sentio.workspace import Workspace

__all__ = ["Check", "VerifyReport", "find_cli", "verify_bundle"]

CPP = "C++: "
_PATIENCE = 600  # seconds for the C++ half, which replays each golden window once

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a report.

    Attributes:
        name: what was looked at.
        ok: None where it was left out: on request, for want of the backend, or because this bundle gives no
            way to make it.
        detail: what was found.
        exit_code: what the command ends with where this is the first line that fails.
    """

    name: str
    ok: bool | None
    detail: str
    exit_code: int = CheckFailed.exit_code


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found.

    Attributes:
        bundle: the bundle's id; "" where its files are damaged.
        simulated: whether it was trained on bars that were made up.
        checks: in the order in which they were made; what needs something that failed is left out.
    """

    bundle: str
    simulated: bool
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether no line failed."""
        return self.exit_code == 0

    @property
    def complete(self) -> bool:
        """Whether no line was left out."""
        return all(check.ok is not None for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0, or that of the first line that failed."""
        return next((check.exit_code for check in self.checks if check.ok is False), 0)

    def to_document(self) -> dict[str, object]:
        """The report for scripts."""
        lines = [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in self.checks]
        return {"bundle": self.bundle, "checks": lines, "ok": self.ok}


def verify_bundle(
    folder: Path, cli: Path | None, *, cpp: bool = True, trust: Path | None = None
) -> VerifyReport:
    """Prove a bundle with nothing but it, the engine and torch; nothing is loaded whose hash is wrong.

    Args:
        folder: such as artifacts/TFA/v1.
        cli: the program `sentio_cli`, as `find_cli` gives it; None: the line of the C++ half fails.
        cpp: False leaves the C++ half out; the report then says so.
        trust: a PEM file with an Ed25519 public key; where it did not sign the bundle, nothing more is looked
            at.

    Raises:
        UsageError: there is no such folder or key file.
        BadInput: the key file holds no such key.
        EnvironmentProblem: the package `cryptography` is not installed.
    """
    trusted = None if trust is None else TrustedKey(trust)
    lines = _Lines()
    with ExitStack() as stack:
        opened = partial(stack.enter_context, open_bundle(folder))
        sealed = lines.value("SHA256SUMS", opened, None, CorruptStore.exit_code)
        if sealed is None:
            return VerifyReport("", False, tuple(lines.checks))
        if trusted is not None:
            lines.check("signature", lambda: trusted.check(sealed.sums, sealed.signature))
            if lines.checks[-1].ok is False:
                return VerifyReport(sealed.id, False, tuple(lines.checks))
        files = lines.value("SHA256SUMS", partial(read_opened, sealed), _say_files, CorruptStore.exit_code)
    if files is None:
        return VerifyReport("", False, tuple(lines.checks))
    manifest = lines.value("manifest", lambda: parse_manifest(files[MANIFEST], MANIFEST), _say_manifest)
    if manifest is not None:
        _check_python(lines, files, manifest)
    if cpp:
        lines.checks += _check_cpp(files, cli, trust)
    else:
        lines.checks.append(Check(f"{CPP}sentio_cli", None, "left out on request"))
    return VerifyReport(files.id, manifest is not None and manifest.simulated, tuple(lines.checks))


def find_cli(root: str | os.PathLike[str] | None = None) -> Path | None:
    """The program `sentio_cli`: in ROOT/build, else on PATH; None where it is in neither.

    Args:
        root: the project's folder, else as `Workspace.find`; outside of any project there is PATH alone.
    """
    project = Workspace.find_if_any(root)
    built = None if project is None else project.root / "build" / "sentio_cli"
    if built is not None and built.is_file():
        return built
    installed = shutil.which("sentio_cli")
    return Path(installed) if installed else None


@dataclass(slots=True)
class _Lines:
    """Collects checks: each error becomes a line that failed."""

    checks: list[Check] = field(default_factory=list)

    def value(
        self,
        name: str,
        read: Callable[[], Value],
        say: Callable[[Value], str] | None,
        exit_code: int = CheckFailed.exit_code,
    ) -> Value | None:
        """Read something that later checks need; None where that failed.

        With `say` None there is no line where it went well.
        """
        try:
            value = read()
        except (BadInput, CheckFailed, CorruptStore) as error:
            detail = _one_line("; ".join([error.found, *error.problems]))
            self.checks.append(Check(name, False, detail, exit_code))
            return None
        if say is not None:
            self.checks.append(Check(name, True, say(value)))
        return value

    def check(self, name: str, action: Callable[[], str]) -> None:
        """Make one check, whose result is what it found."""
        self.value(name, action, str)


def _check_python(lines: _Lines, files: BundleFiles, manifest: Manifest) -> None:
    lines.check("files", lambda: check_listing(files, manifest))
    spec = lines.value("spec hash", lambda: checks.read_spec(files, manifest), lambda spec: spec.hash)
    if spec is not None:
        lines.check("features", lambda: checks.check_spec(spec, manifest))
        lines.check("engine state", lambda: checks.check_state(spec, files[STATE], manifest))
    goldens = lines.value("golden files", lambda: _read_goldens(files, manifest), _say_goldens)
    if spec is not None and goldens is not None:
        lines.check("golden features, batch", lambda: checks.check_features(spec, goldens, manifest))
        lines.check(
            "golden features, bar by bar", lambda: checks.check_features_bar_by_bar(spec, goldens, manifest)
        )
        _check_starts(lines, spec, goldens, manifest)
    for backend in manifest.backends:
        if backend.file in files.contents:
            _check_backend(lines, files, manifest, backend, goldens)


def _check_starts(lines: _Lines, spec: FeatureSpec, goldens: Goldens, manifest: Manifest) -> None:
    warm = partial(checks.check_warm_start, spec, goldens, manifest)
    if lines.value("golden features, warm start", warm, str) is None:
        return
    name = "golden features, cold start"
    obstacle = cold_start.cold_start_obstacle(spec, goldens, manifest)
    if obstacle is None:
        lines.check(name, lambda: cold_start.check_cold_start(spec, goldens, manifest))
    else:
        lines.checks.append(Check(name, None, obstacle))


def _check_backend(
    lines: _Lines, files: BundleFiles, manifest: Manifest, backend: Backend, goldens: Goldens | None
) -> None:
    name = backend.name
    try:
        model = lines.value(
            f"{name}: model", lambda: load_model(files, manifest, backend), lambda _: backend.file
        )
    except EnvironmentProblem as error:  # this processor lacks what the code needs
        lines.checks.append(Check(f"{name}: model", None, error.found))
        return
    if model is None:
        return
    if isinstance(model, NativeModel):
        lines.check(f"{name}: normalisation", lambda: checks.check_normalisation(model, manifest))
    if goldens is not None:
        for batch in BATCHES:
            check = partial(checks.check_outputs, model, goldens, backend, batch)
            lines.check(f"{name}: golden outputs, batch {batch}", check)
        lines.check(f"{name}: golden outputs, stress", lambda: checks.check_stress(model, goldens, backend))
    lines.check(f"{name}: wrong inputs refused", lambda: checks.check_refusals(model, backend, manifest))


def _read_goldens(files: BundleFiles, manifest: Manifest) -> Goldens:
    goldens = Goldens.read(files, manifest)
    checks.check_goldens(goldens, manifest)
    return goldens


class _CppLine(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    ok: bool | None  # None: this build or this bundle gives no way to make it
    detail: str


class _CppReport(BaseModel):
    """What `sentio_cli verify --json` prints."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bundle: str
    checks: list[_CppLine]
    ok: bool


def _check_cpp(files: BundleFiles, cli: Path | None, trust: Path | None) -> Iterator[Check]:
    """The lines of the C++ half, and one for the program itself."""
    name = f"{CPP}sentio_cli"
    if cli is None:
        detail = "is neither in build/ nor on PATH; build it: make runtime (or leave it out: --no-cpp)"
        yield Check(name, False, detail, EnvironmentProblem.exit_code)
        return
    command = [str(cli), "verify", str(files.path), "--json"]
    if trust is not None:
        command += ["--trust", str(trust)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)
        report = _CppReport.model_validate_json(done.stdout)
    except OSError as error:
        yield Check(name, False, f"{cli} does not start: {error.strerror}", EnvironmentProblem.exit_code)
        return
    except subprocess.TimeoutExpired:
        yield Check(name, False, f"{cli} gave no answer in {_PATIENCE} s")
        return
    except ValidationError:
        told = (done.stderr.strip() or done.stdout.strip()).decode(errors="backslashreplace")
        last = "".join(told.splitlines()[-1:])
        lacks = done.returncode == EnvironmentProblem.exit_code  # a backend, or OpenSSL for the signature
        code = EnvironmentProblem.exit_code if lacks else CheckFailed.exit_code
        yield Check(name, False, f"{cli} ended with {done.returncode} and no report: {last}", code)
        return
    for line in report.checks:
        yield Check(f"{CPP}{line.name}", line.ok, line.detail)
    # A program that says yes must mean this very bundle, have looked at something, and end as it says.
    agrees = report.ok == (done.returncode == 0) == all(line.ok is not False for line in report.checks)
    if not agrees or not report.checks or (report.ok and report.bundle != files.id):
        yield Check(
            name,
            False,
            f"contradicts itself: ended with {done.returncode}, ok is {report.ok}, bundle {report.bundle}",
        )


def _one_line(text: str) -> str:
    """With escapes for what could end the line of a report or move in it; a name may hold anything."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _say_files(files: BundleFiles) -> str:
    return f"{len(files.contents)} files, bundle {files.id}"


def _say_manifest(manifest: Manifest) -> str:
    told = f"{manifest.model_id} {manifest.version}, format version {manifest.format_version}"
    return f"{told}; gate {manifest.gate.told(manifest.metrics.auc_standard_error)}"


def _say_goldens(goldens: Goldens) -> str:
    return f"{len(goldens.ts)} bars, {len(goldens.rows)} windows"
