"""Tables: plain columns in a file, colours and folded cells at a terminal."""

from __future__ import annotations

import re
import sys

import pytest

from thoth_infra.cli.tables import marked, paint, table

ROWS = (("api", 2, "2 to 6"), ("transcription", marked(0, "red"), "[bold]not markup[/bold]"))
ANSI = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)


PLAIN = """\
SERVICE        RUNNING  SCALING
api            2        2 to 6
transcription  0        [bold]not markup[/bold]"""


def test_elsewhere_columns_are_aligned_and_nothing_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert table(("SERVICE", "RUNNING", "SCALING"), ROWS) == PLAIN
    assert paint(marked("wrong", "red")) == "wrong"


def test_at_a_terminal_trouble_is_red_and_the_words_are_the_same(terminal: None) -> None:
    drawn = table(("SERVICE", "RUNNING", "SCALING"), ROWS)
    assert "\x1b[31m0" in drawn
    assert "\x1b[1mSERVICE" in drawn
    assert [line.split() for line in ANSI.sub("", drawn).splitlines()] == [line.split() for line in PLAIN.splitlines()]
    assert paint(marked("wrong", "red")) == "\x1b[31mwrong\x1b[0m"


def test_colours_are_left_out_where_they_are_not_wanted(terminal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in table(("SERVICE", "RUNNING", "SCALING"), ROWS)
    monkeypatch.setenv("TERM", "dumb")
    assert table(("SERVICE", "RUNNING", "SCALING"), ROWS) == PLAIN


def test_a_narrow_terminal_folds_cells_and_loses_nothing(terminal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    arn = "arn:aws:ecs:us-east-1:087439708020:service/thoth-staging/transcription"
    drawn = ANSI.sub("", table(("NAME", "ARN"), [("transcription", arn)]))
    assert max(map(len, drawn.splitlines())) <= 40
    assert "".join(line[15:] for line in drawn.splitlines()[1:]).replace(" ", "") == arn


def test_a_long_text_is_left_for_the_terminal_to_break(terminal: None) -> None:
    text = "`thoth-infra start-services --env staging` " * 5
    assert "\n" not in paint(marked(text, "yellow"))
