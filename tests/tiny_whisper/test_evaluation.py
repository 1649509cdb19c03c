"""The evaluation counts words and times as it says."""

from __future__ import annotations

import pytest

from tests.tiny_whisper.corpus import Voices
from tests.tiny_whisper.error_rate import ErrorRate
from tests.tiny_whisper.evaluation import Row, Score, table
from tests.tiny_whisper.speech import Spoken

SPOKEN = [Spoken("pull", 1.0, 1.5), Spoken("off", 1.5, 2.0), Spoken("the", 2.0, 2.2), Spoken("string", 2.2, 3.0)]


def test_only_words_heard_right_give_time_errors() -> None:
    score = Score()
    score.add(SPOKEN, [Spoken(" Pull-off", 1.1, 2.0), Spoken(" a", 2.0, 2.1), Spoken(" string.", 2.1, 3.4)])
    assert score.rate == ErrorRate(wrong=1, spoken=4)
    assert score.start_errors == pytest.approx([0.1, 0.4, 0.1])
    assert score.end_errors == pytest.approx([0.5, 0.0, 0.4])


def test_the_table_is_markdown_with_a_line_for_each_row() -> None:
    heard = Score()
    heard.add(SPOKEN, SPOKEN[:3])
    nothing = Score()
    nothing.add(SPOKEN, [])
    lines = table([Row("bare", "lesson", Voices.SEEN, heard), Row("deaf", "lesson", Voices.UNSEEN, nothing)])
    head, rule, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines())
    assert len(head) == len(rule) == 7
    assert rows == [
        ["lesson", "seen", "bare", "25.0 %", "1 / 4", "0.00 / 0.00 s", "0.00 / 0.00 s"],
        ["lesson", "unseen", "deaf", "100.0 %", "4 / 4", "–", "–"],
    ]
