"""A glossary is refused with everything that is wrong with it, and read from JSON, YAML and a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.music_terms.lessons import glossary
from workers.music_terms import files
from workers.music_terms.glossary import Glossary, GlossaryInvalid, parse, spellings

CATEGORY = {"id": "gear", "name": "Gear", "description": "Things."}


def term(id_: str, canonical: str, *variants: str, **more: object) -> dict[str, Any]:
    return {
        "id": id_, "category": "gear", "canonical": canonical, "variants": list(variants), "definition": "A thing.",
        **more,
    }  # fmt: skip


def raw(*terms: dict[str, Any], **more: object) -> Any:
    return {"name": "mine", "version": 3, "categories": [CATEGORY], "terms": list(terms), **more}


def problems(content: Any) -> tuple[str, ...]:
    with pytest.raises(GlossaryInvalid) as refused:
        parse("glossary.json", content)
    assert str(refused.value).startswith("glossary.json is not a glossary:")
    return refused.value.problems


def test_every_problem_is_told_at_once_with_its_term_and_what_to_do() -> None:
    found = problems(
        raw(
            term("capo", "capo"),
            term("capo", "clamp"),
            term("pick", "pick", "Plec-trum"),
            term("plectrum", "plectrum", "plec trum"),
            term("amp", "amp", category="gera"),
            term("dots", "…"),
            term("strap", "   "),
            {"id": "tuner", "category": "gear", "canonical": "tuner"},
        )
    )
    assert found == (
        "term strap: canonical: String should match pattern '\\S', found '   '",
        "term tuner: definition: Field required, found {'id': 'tuner', 'category': 'gear', 'canonical': 'tuner'}",
        "term capo: the id is there twice: give one of the two another id",
        "term plectrum: 'plec trum' belongs to term pick too: remove it from one of them",
        "term amp: no category gera: add it, or take one of gear",
        "term dots: '…' has no letter or figure that could be heard: write it in words",
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (raw(), "terms: Tuple should have at least 1 item"),
        (raw(term("a", "a"), version=0), "version: Input should be greater than or equal to 1"),
        (raw(term("a", "a"), versoin=2), "versoin: Extra inputs are not permitted"),
        (raw(term("a", "a"), categories=[CATEGORY, CATEGORY]), "gear is there twice"),
        (raw(term("Not An Id", "a")), "term Not An Id: id: String should match pattern"),
        (raw(term("a", "a", inflect="adverb")), "term a: inflect: Input should be 'noun', 'verb' or 'none'"),
        (raw(term("a", "a", "x" * 101)), "term a: variants.0: String should have at most 100 characters"),
        (raw({"canonical": "lost"}), "term lost: id: Field required"),
        (raw("capo"), "term number 1: the whole: Input should be a valid dictionary"),  # type: ignore[arg-type]
        ({"terms": 7}, "terms: Input should be a valid tuple"),
        ([], "Input should be a valid dictionary"),
        (None, "Input should be a valid dictionary"),
    ],
)
def test_one_thing_is_wrong(content: Any, told: str) -> None:
    assert any(told in problem for problem in problems(content))


def test_two_spellings_of_one_term_may_be_the_same() -> None:
    assert parse("x", raw(term("hammer-on", "hammer on", "hammer-on"))).terms[0].variants == ("hammer-on",)


def test_what_is_listed_comes_before_what_is_generated() -> None:
    content = parse("x", raw(term("plural", "chords"), term("singular", "chord")))
    assert spellings(content)[("chords",)].id == "plural"


def test_of_two_terms_with_one_generated_form_the_earlier_one_has_it() -> None:
    content = parse("x", raw(term("noun", "pull offs"), term("verb", "pull off", inflect="verb")))
    assert {spellings(content)[words].id for words in (("pull", "offs"), ("pulloffs",))} == {"noun"}


def test_only_english_is_inflected() -> None:
    assert ("akkords",) not in spellings(glossary("Akkord", language="de"))
    assert ("akkord",) in spellings(glossary("Akkord", language="de"))
    assert ("chords",) in spellings(glossary("chord", language="en-GB"))


def test_json_and_yaml_say_the_same() -> None:
    as_json = json.dumps(raw(term("capo", "capo", "clamp"))).encode()
    as_yaml = b"""
name: mine
version: 3
categories:
  - {id: gear, name: Gear, description: Things.}
terms:
  - {id: capo, category: gear, canonical: capo, variants: [clamp], definition: A thing.}
"""
    assert files.read("glossary.json", as_json) == files.read("glossary.yaml", as_yaml)


@given(st.binary(max_size=60), st.sampled_from(["glossary.json", "glossary.yaml"]))
def test_any_bytes_are_a_glossary_or_refused(content: bytes, name: str) -> None:
    with pytest.raises(GlossaryInvalid):
        files.read(name, content)


@pytest.mark.parametrize(
    "content", [b"{", b"", b"\xff\xfe\x00", b"[" * 100_000, b"{a: *b}", b"!!python/object:os.x {}"]
)
def test_what_cannot_be_read_is_refused(content: bytes) -> None:
    for name in ("glossary.json", "glossary.yaml"):
        with pytest.raises(GlossaryInvalid, match=name):
            files.read(name, content)


def folder(path: Path, **more: str) -> Path:
    contents = {
        "about": "name: mine\nversion: 1\nlanguage: en\ncategories: [gear]\n",
        "gear": "name: Gear\ndescription: Things.\nterms:\n  - canonical: Wah-Wah\n    definition: A filter.\n",
        **more,
    }
    for name, content in contents.items():
        (path / f"{name}.yaml").write_text(content, encoding="utf-8")
    return path


def test_a_folder_gives_ids_and_categories(tmp_path: Path) -> None:
    content: Glossary = files.read_folder(folder(tmp_path))
    assert [(term.id, term.category, term.canonical) for term in content.terms] == [("wah-wah", "gear", "Wah-Wah")]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"about": "name: mine\n"}, "about.yaml"),
        ({"about": "name: mine\nversion: 1\nlanguage: en\ncategories: [gaer]\n"}, "gaer.yaml"),
        ({"gear": "name: Gear\ndescription: Things.\n"}, "there is no list of terms"),
        ({"gear": "- Gear\n"}, "it holds no mapping"),
        ({"gear": "name: Gear\ndescription: Things.\nterms: [capo]\n"}, "term number 1"),
        ({"gear": "name: Gear\ndescription: Things.\nterms: [{canonical: capo}]\n"}, "term capo: definition"),
    ],
)
def test_a_folder_is_refused_with_its_file(tmp_path: Path, changed: dict[str, str], told: str) -> None:
    with pytest.raises(GlossaryInvalid, match=told):
        files.read_folder(folder(tmp_path, **changed))
