"""The helper of the snapshot tests: it hides what is volatile and nothing else, and notices every other change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import snapshots
from tests.snapshots import same, steady

TABLE = """\
SERVICE  INSTANCE             SINCE
api      i-0123456789abcdef0  2026-03-01 10:00:00
worker   i-0fedcba9876543210  2026-03-01 10:00:01
"""


def test_ids_and_times_become_words_of_their_width() -> None:
    assert steady(TABLE) == (
        "SERVICE  INSTANCE             SINCE\n"
        "api      <instance1>········  <time1>············\n"
        "worker   <instance2>········  <time2>············\n"
    )


def test_the_same_value_is_the_same_word() -> None:
    assert steady("087439708020 210987654321 087439708020") == "<account1>·· <account2>·· <account1>··"


def test_numbers_that_matter_stay() -> None:
    text = "desired 2, running 12345, 90 % of 3600 s, thoth-staging-api:7, 10.0.0.1"
    assert steady(text) == text


def test_a_group_says_which_part_of_a_match_is_hidden() -> None:
    assert steady('"age_hours": 1.5,', {r'"age_hours": ([\d.]+)': "age"}) == '"age_hours": <age1>,'


def test_another_output_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "WRITING", True)
    same("some.txt", TABLE, folder=tmp_path)
    monkeypatch.setattr(snapshots, "WRITING", False)
    same("some.txt", TABLE.replace("i-0123456789abcdef0", "i-1123456789abcdef0"), folder=tmp_path)
    with pytest.raises(AssertionError, match=r"-api .*\n\+API "):
        same("some.txt", TABLE.replace("api ", "API "), folder=tmp_path)


def test_a_missing_snapshot_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "WRITING", False)
    with pytest.raises(AssertionError, match="there is no snapshot"):
        same("none.txt", TABLE, folder=tmp_path)
