"""The page's pure modules, run where they run: in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.api.page.chromium import module

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.slow]

Evaluate = Callable[[str, Any], Any]
Word = dict[str, Any]

_TEXTS = st.text(alphabet="abcäé#B.,'-<&", min_size=1, max_size=6)
_LINE = st.lists(_TEXTS, max_size=12)
_SOME = settings(max_examples=60, deadline=None)


def _spoken(texts: list[str], seconds: float = 0.4) -> list[Word]:
    return [{"start": n * 0.5, "end": n * 0.5 + seconds, "text": text} for n, text in enumerate(texts)]


_REALIGN = module("lesson/align.js", "(m, [words, text, line]) => m.realign(words, text, line)")


@_SOME
@given(before=_LINE, after=_LINE, seconds=st.sampled_from([0.0, 0.3, 0.5]))
def test_a_corrected_line_has_the_words_that_were_typed_in_order_and_in_its_time(
    evaluate: Evaluate, before: list[str], after: list[str], seconds: float
) -> None:
    words = _spoken(before, seconds)
    line = {"start": 0.0, "end": max([word["end"] for word in words], default=2.0)}
    aligned = evaluate(_REALIGN, [words, " ".join(after), line])
    assert [word["text"] for word in aligned] == after
    starts = [word["start"] for word in aligned]
    assert starts == sorted(starts)
    assert all(0 <= word["start"] <= word["end"] <= line["end"] + 1e-9 for word in aligned)


@_SOME
@given(texts=st.lists(_TEXTS, min_size=1, max_size=12, unique_by=lambda text: text.casefold()), data=st.data())
def test_words_that_were_not_touched_keep_their_time(evaluate: Evaluate, texts: list[str], data: st.DataObject) -> None:
    words = _spoken(texts)
    place = data.draw(st.integers(0, len(texts) - 1))
    typed = [*texts[:place], "zzz", *texts[place + 1 :]]
    aligned = evaluate(_REALIGN, [words, "  ".join(typed), {"start": 0, "end": words[-1]["end"]}])
    assert aligned == [*words[:place], {**words[place], "text": "zzz"}, *words[place + 1 :]]


def test_a_word_that_is_put_in_shares_the_time_of_its_neighbour(evaluate: Evaluate) -> None:
    words = [{"start": 1.0, "end": 2.0, "text": "barre"}, {"start": 2.0, "end": 3.0, "text": "chord"}]
    aligned = evaluate(_REALIGN, [words, "barre major chord", {"start": 1, "end": 3}])
    assert [word["text"] for word in aligned] == ["barre", "major", "chord"]
    assert [(word["start"], word["end"]) for word in aligned] == [(1.0, 1.5), (1.5, 2.0), (2.0, 3.0)]


def test_words_that_are_put_in_where_there_is_silence_leave_the_others_alone(evaluate: Evaluate) -> None:
    words = [{"start": 1.0, "end": 1.4, "text": "barre"}, {"start": 2.4, "end": 3.0, "text": "chord"}]
    aligned = evaluate(_REALIGN, [words, "barre five1 chord", {"start": 1, "end": 3}])
    assert aligned == [words[0], {"start": 1.4, "end": 2.4, "text": "five1"}, words[1]]


@_SOME
@given(texts=_LINE.filter(bool), data=st.data())
def test_a_phrase_is_found_where_it_stands(evaluate: Evaluate, texts: list[str], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(texts) - 1))
    last = data.draw(st.integers(first, len(texts) - 1))
    phrase = " ".join(texts[first : last + 1]).upper()
    find = module("lesson/find.js", "(m, [texts, query]) => new m.Finder(texts).find(query)")
    found = evaluate(find, [texts, phrase])
    # Matches do not overlap: one that starts earlier may cover the place.
    assert any(a <= last and first <= b for a, b in found)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("BARRE", [[1, 1]]),
        ("cafe", [[4, 4]]),
        ("chord the", [[2, 3]]),
        ("c#", [[5, 5]]),
        ("ord", [[2, 2]]),
        ("   ", []),
        ("nothing", []),
    ],
)
def test_search_knows_no_case_no_accents_and_no_borders_of_words(
    evaluate: Evaluate, query: str, expected: list[list[int]]
) -> None:
    texts = ["A", "barre", "chord,", "The", "café", "C#."]
    find = module("lesson/find.js", "(m, [texts, query]) => new m.Finder(texts).find(query)")
    assert evaluate(find, [texts, query]) == expected


@_SOME
@given(starts=st.lists(st.integers(0, 40), max_size=20), time=st.integers(-2, 60))
def test_the_word_that_is_lit_is_the_last_that_has_begun(evaluate: Evaluate, starts: list[int], time: int) -> None:
    words = [{"start": start, "end": start + 1} for start in sorted(starts)]
    at = module("lesson/timeline.js", "(m, [words, time]) => new m.Timeline(words).at(time)")
    begun = [place for place, word in enumerate(words) if word["start"] <= time]
    expected = begun[-1] if begun and time <= words[begun[-1]]["end"] + 1.5 else -1
    assert evaluate(at, [words, time]) == expected


_PARSE = module(
    "events.js",
    """async (m, pieces) => {
      const stream = new ReadableStream({ start(c) { for (const piece of pieces) c.enqueue(piece); c.close(); } });
      const found = [];
      for await (const message of m.parse(stream)) found.push([message.event, message.data]);
      return found;
    }""",
)


@_SOME
@given(
    data=st.lists(st.lists(st.text(alphabet="ab: é{}", max_size=8), min_size=1, max_size=3), max_size=4),
    end=st.sampled_from(["\n", "\r\n"]),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_events_are_the_same_however_the_stream_is_cut(
    evaluate: Evaluate, data: list[list[str]], end: str, cuts: list[int]
) -> None:
    lines = [[": a comment", "event: job", *(f"data: {line}" for line in lines), "id: 7", ""] for lines in data]
    text = "".join(line + end for message in lines for line in message)
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[a:b] for a, b in pairwise(places)]
    assert evaluate(_PARSE, pieces) == [["job", "\n".join(each)] for each in data]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("m.clock(83.9)", "1:23"),
        ("m.clock(5025)", "1:23:45"),
        ("m.clock(-1)", "0:00"),
        ("m.spokenClock(3661)", "1 hour 1 minute 1 second"),
        ("m.spokenClock(0.4)", "the beginning"),
        ("m.size(1536000)", "1.5 MB"),
        ("m.size(999)", "999 bytes"),
        ("m.language('de')", "German"),
        ("m.language('<b>')", "<b>"),
        ("m.sentence('there is no such job')", "There is no such job."),
    ],
)
def test_figures_are_written_as_people_read_them(evaluate: Evaluate, call: str, expected: str) -> None:
    assert evaluate(module("format.js", f"m => {call}"), None) == expected


def test_changes_to_a_glossary_are_laid_over_a_newer_version(evaluate: Evaluate) -> None:
    steps = module(
        "glossary/draft.js",
        """m => {
          const term = (id, definition = "d") => ({ id, category: "c", canonical: id, variants: [], definition });
          const of = (version, ...terms) => ({ name: "g", version, categories: [], terms });
          const draft = new m.Draft(of(1, term("a"), term("b"), term("c")));
          draft.set("terms", term("b", "mine"));
          draft.remove("terms", "c");
          draft.set("terms", term("new"));
          draft.rebase(of(2, term("a", "theirs"), term("b"), term("c"), term("d")));
          return draft.terms.map(({ id, definition }) => [id, definition]);
        }""",
    )
    assert evaluate(steps, None) == [["a", "theirs"], ["b", "mine"], ["d", "d"], ["new", "d"]]


@_SOME
@given(names=st.lists(st.text(max_size=70), max_size=6))
def test_new_terms_have_ids_that_the_glossary_takes_and_no_other_has(evaluate: Evaluate, names: list[str]) -> None:
    identify = module(
        "glossary/draft.js",
        """(m, names) => {
          const draft = new m.Draft({ categories: [], terms: [] });
          const ids = [];
          for (const name of names) draft.set("terms", { id: (ids[ids.length] = draft.identify("terms", name)) });
          return ids;
        }""",
    )
    found = evaluate(identify, names)
    assert len(set(found)) == len(names)
    for id_ in found:
        assert len(id_) <= 64
        assert all(part.isalnum() and part.isascii() and part == part.lower() for part in id_.split("-"))
