"""What every command shows goes through `sentio.cli.screen`: words of others are no markup there."""

from __future__ import annotations

from rich.tree import Tree

from sentio.cli.screen import progress, table, tree

TOLD = "[red]a[/]:bell:[/b]"


def test_a_table_and_a_tree_show_the_words_as_they_are(capsys):
    table(TOLD, [TOLD], [[TOLD]])
    drawn = Tree(TOLD)
    drawn.add(TOLD)
    tree(drawn)
    assert capsys.readouterr().out.count(TOLD) == 5


def test_progress_shows_the_words_as_they_are(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with progress(TOLD, 2) as advance:
        advance(1, "[ 50%] [/] -Wall")
    shown = capsys.readouterr().err
    assert TOLD in shown
    assert "[ 50%] [/] -Wall" in shown
