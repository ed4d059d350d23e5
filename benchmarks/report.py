"""`python -m benchmarks.report RESULT.json`: the figures of a run as the reference page's table and plots."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.curves import WINDOWED

__all__ = ["holds", "line_of", "section"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
PLOTS = ROOT / "docs" / "reference" / "plots"
BEGIN, END = "<!-- begin: make bench -->", "<!-- end: make bench -->"


def holds(row: Mapping[str, Any], bound: str) -> bool | None:
    """Whether a row's median keeps a bound such as "<= 6"; None where there is no figure or no bound."""
    if row["median"] is None or not row[bound]:
        return None
    sign, number = row[bound].split()
    return row["median"] <= float(number) if sign == "<=" else row["median"] >= float(number)


def line_of(row: Mapping[str, Any]) -> str:
    """A row for the terminal."""
    if row["median"] is None:
        return f"{row['text']}: {row['note']}"
    verdict = {True: "kept", False: "MISSED", None: ""}[holds(row, "must")]
    bounds = f"  must {row['must']} {verdict}" if row["must"] else ""
    spread = f"(p10 {row['p10']:.2f}, p90 {row['p90']:.2f}, {row['pairs']} pairs)"
    note = f"  [{row['note']}]" if row["note"] else ""
    return f"{row['text']}: {row['median']:.2f} {spread}{bounds}{note}"


def section(result: Mapping[str, Any]) -> str:
    """What stands between the markers of the page."""
    facts = result["machine"]
    peers = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    text = (
        f"Taken on {facts['date']}: {facts['processor']}, {facts['cores']} cores, load {facts['load']}; "
        f"engine {facts['engine']}; Python {facts['python']}; {peers}. "
        f"{result['size']['rows']:,} one-minute bars.\n\n"
        "| figure | median | p10 | p90 | pairs | must | goal | |\n|---|---|---|---|---|---|---|---|\n"
    )
    for row in result["rows"]:
        if row["median"] is None:
            cells = [row["text"], "", "", "", "", row["must"], row["goal"], row["note"]]
        else:
            reached = (
                "goal"
                if holds(row, "goal")
                else {True: "must", False: "**missed**", None: ""}[holds(row, "must")]
            )
            notes = "; ".join(part for part in (reached, row["note"]) if part)
            figures = [f"{row[key]:.2f}" for key in ("median", "p10", "p90")]
            cells = [row["text"], *figures, str(row["pairs"]), row["must"], row["goal"], notes]
        text += "| " + " | ".join(cells).replace("<=", "≤").replace(">=", "≥") + " |\n"
    text += "\n![ratios](plots/ratios.svg)\n"
    windowed = ", ".join(WINDOWED)
    for name, what in (
        ("bars", "bars, `classic`, output reused"),
        ("features", "features, each with a window of its own"),
        ("window", f"bars in the windows of {windowed}"),
    ):
        text += f"\n| {what} | ns a value |\n|---|---|\n"
        text += "".join(f"| {number:,} | {cost:.2f} |\n" for number, cost in result["curves"][name])
        text += f"\n![cost by {name}](plots/{name}.svg)\n"
    return text


def plots(result: Mapping[str, Any], folder: Path) -> None:
    """Ratio bars and cost curves as SVG, the same bytes for the same figures."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "sentio", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)

    def save(figure: Any, name: str) -> None:
        figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
        pyplot.close(figure)

    rows = [row for row in result["rows"] if row["median"] is not None and "MB" not in row["text"]][::-1]
    figure, axes = pyplot.subplots(figsize=(7, 0.32 * len(rows) + 0.8))
    medians = [row["median"] for row in rows]
    spread = [
        [row["median"] - row["p10"] for row in rows],
        [row["p90"] - row["median"] for row in rows],
    ]
    kept = {True: "#4a7ab5", False: "#c8553d", None: "#8a8a8a"}
    axes.barh(
        [row["text"] for row in rows], medians, xerr=spread, color=[kept[holds(row, "must")] for row in rows]
    )
    for place, row in enumerate(rows):
        if row["must"]:
            axes.plot([float(row["must"].split()[1])] * 2, [place - 0.4, place + 0.4], color="black")
    axes.set_xscale("log")
    axes.set_xlabel("ratio of CPU times, p10 to p90; the black mark is the bound; red misses it")
    save(figure, "ratios")

    for name, points in result["curves"].items():
        figure, axes = pyplot.subplots(figsize=(5, 3))
        axes.plot(*zip(*points, strict=True), marker="o", color="#4a7ab5")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(name)
        axes.set_ylabel("ns of CPU a bar and feature")
        axes.grid(alpha=0.3)
        save(figure, name)


def main(arguments: list[str]) -> int:
    """Write the page's section and the plots."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    result = json.loads(Path(arguments[0]).read_text("utf-8"))
    page = PAGE.read_text("utf-8")
    between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    PAGE.write_text(between.sub(lambda _: f"{BEGIN}\n{section(result)}{END}", page), "utf-8")
    plots(result, PLOTS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
