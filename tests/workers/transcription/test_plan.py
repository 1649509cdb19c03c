"""Cuts keep all speech, obey their limits, and give every word its place in the lesson back."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.transcription.rig import UNTIMED
from workers.transcription.audio import RATE
from workers.transcription.plan import Chunk, Plan, Span, chunks, plan

LONGEST_SECONDS = 10.0


@st.composite
def speeches(draw: st.DrawFn) -> list[Span]:
    """Draw ascending stretches of speech, as VAD gives them; some are longer than a chunk."""
    found, at = [], 0
    for pause, length in draw(st.lists(st.tuples(st.integers(0, 5 * RATE), st.integers(1, 25 * RATE)), max_size=25)):
        found.append((at + pause, at + pause + length))
        at += pause + length
    return found


def merged(spans: list[Span]) -> list[Span]:
    """Join stretches that touch."""
    found: list[Span] = []
    for start, end in spans:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


@UNTIMED
@given(speeches())
def test_chunks_hold_exactly_the_speech_in_order_and_none_is_too_long(speech: list[Span]) -> None:
    made = chunks(speech, LONGEST_SECONDS)
    assert all(0 < chunk.samples <= LONGEST_SECONDS * RATE for chunk in made)
    assert merged([span for chunk in made for span in chunk.spans]) == merged(speech)


@UNTIMED
@given(speeches())
def test_neighbours_would_not_fit_into_one_chunk(speech: list[Span]) -> None:
    for one, other in itertools.pairwise(chunks(speech, LONGEST_SECONDS)):
        first = other.spans[0]
        assert one.samples + first[1] - first[0] > LONGEST_SECONDS * RATE


@UNTIMED
@given(speeches(), st.integers(1, 8), st.integers(1, 120))
def test_groups_hold_all_chunks_in_whole_batches(speech: list[Span], batch: int, seconds: int) -> None:
    cut = chunks(speech, LONGEST_SECONDS)
    made = plan(1000.0, cut, batch, seconds)
    assert tuple(chunk for group in made.groups for chunk in group.chunks) == cut
    assert all(len(group.chunks) % batch == 0 for group in made.groups[:-1])


@UNTIMED
@given(speeches(), st.integers(1, 8), st.integers(1, 120))
def test_groups_reach_the_checkpoint_and_are_no_longer_than_needed(
    speech: list[Span], batch: int, seconds: int
) -> None:
    made = plan(1000.0, chunks(speech, LONGEST_SECONDS), batch, seconds)
    before = 0.0
    for group in made.groups[:-1]:
        assert group.end_seconds - before >= seconds
        if len(group.chunks) > batch:
            assert group.chunks[-batch - 1].spans[-1][1] / RATE - before < seconds
        before = group.end_seconds


@UNTIMED
@given(speeches(), st.data())
def test_the_digest_changes_with_any_cut(speech: list[Span], data: st.DataObject) -> None:
    made = plan(1000.0, chunks(speech, LONGEST_SECONDS), 2, 30)
    assert made.digest == plan(1000.0, chunks(list(speech), LONGEST_SECONDS), 2, 30).digest
    if not speech:
        return
    index = data.draw(st.integers(0, len(speech) - 1))
    start, end = speech[index]
    moved = [*speech[:index], (start, end + 1), *speech[index + 1 :]]
    assert plan(1000.0, chunks(moved, LONGEST_SECONDS), 2, 30).digest != made.digest


def test_the_digest_changes_when_the_same_chunks_are_grouped_otherwise() -> None:
    cut = chunks([(n * 10 * RATE, (n + 1) * 10 * RATE) for n in range(6)], LONGEST_SECONDS)
    digests = {plan(60.0, cut, batch, 20).digest for batch in (1, 3, 4)}
    assert len(digests) == 3


def test_no_speech_makes_no_groups() -> None:
    assert plan(60.0, chunks([], LONGEST_SECONDS), 8, 30) == Plan(60.0, ())


@UNTIMED
@given(speeches().filter(bool), st.data())
def test_words_get_times_inside_the_speech_they_were_heard_in(speech: list[Span], data: st.DataObject) -> None:
    chunk = data.draw(st.sampled_from(chunks(speech, LONGEST_SECONDS)))
    length = chunk.samples / RATE
    # The model's times may lie outside the chunk, which is padded to half a minute.
    moments = sorted(data.draw(st.lists(st.floats(-1, length + 5), min_size=2, max_size=12)))
    before = 0.0
    for start, end in itertools.pairwise(moments):
        found = chunk.restore(start, end)
        assert before <= found[0] <= found[1]
        assert any(since / RATE <= found[0] and found[1] <= until / RATE for since, until in chunk.spans)
        before = found[0]


@UNTIMED
@given(speeches().filter(bool), st.data())
def test_a_moment_is_restored_to_the_sample_it_was_cut_from(speech: list[Span], data: st.DataObject) -> None:
    chunk = data.draw(st.sampled_from(chunks(speech, LONGEST_SECONDS)))
    position = data.draw(st.integers(0, chunk.samples - 1))
    numbers = np.concatenate([np.arange(start, end) for start, end in chunk.spans])
    start, end = chunk.restore(position / RATE, position / RATE)
    assert round(start * RATE) == round(end * RATE) == numbers[position]


def test_a_word_does_not_reach_over_a_cut() -> None:
    chunk = Chunk(((RATE, 3 * RATE), (10 * RATE, 12 * RATE)))
    assert chunk.restore(1.5, 2.3) == (2.5, 3.0)
    assert chunk.restore(1.8, 2.6) == (10.0, 10.6)


def test_a_chunk_is_cut_without_the_silence_between() -> None:
    sound = np.arange(100, dtype=np.float32)
    assert Chunk(((3, 5), (90, 93))).cut(sound).tolist() == [3, 4, 90, 91, 92]
