"""The glossary: categories and terms, checked as a whole. Knows no spaCy, so that the API can read it too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from workers.music_terms.inflect import Inflection, forms
from workers.music_terms.words import Words, words

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]
Sentence = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]


class GlossaryInvalid(Exception):
    """A glossary can't be used; ``problems`` says everything that is wrong, and how to mend it."""

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join([f"{source} is not a glossary:", *(f"  {problem}" for problem in problems)]))
        self.source = source
        self.problems = problems


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Category(_Model):
    """A group of terms, which a reader sees in one colour and can switch off."""

    id: Identifier
    name: Name
    description: Sentence


class Term(_Model):
    """One entry: ``variants`` are other words for the same thing; their inflected forms are found too."""

    id: Identifier
    category: Identifier
    canonical: Name
    variants: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    definition: Sentence
    inflect: Inflection = "noun"


class Glossary(_Model):
    """A whole glossary; ``version`` rises with every change."""

    name: Name
    version: Annotated[int, Field(ge=1)]
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*$")] = "en"
    categories: Annotated[tuple[Category, ...], Field(min_length=1, max_length=100)]
    terms: Annotated[tuple[Term, ...], Field(min_length=1, max_length=50_000)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse contradictions, all of them at once."""
        if problems := list(_problems(self)):
            raise ValueError("\n".join(problems))
        return self


def parse(source: str, raw: JsonValue) -> Glossary:
    """Return the glossary in ``raw``; ``source`` is the file's name, for the error.

    Raises:
        GlossaryInvalid: with every problem, of single fields and of the whole.
    """
    try:
        return Glossary.model_validate(raw)
    except ValidationError as error:
        problems = [*_told(error, raw), *_of_the_rest(error, raw)]
        raise GlossaryInvalid(source, tuple(problems)) from None


def spellings(glossary: Glossary) -> dict[Words, Term]:
    """Return every sequence of tokens that is found, with its term.

    What is listed comes before what is generated, and earlier terms before later ones.
    """
    found = {phrase: term for term in glossary.terms for phrase in _listed(term)}
    if glossary.language.partition("-")[0].lower() == "en":
        for term in glossary.terms:
            for phrase in _listed(term):
                for form in sorted(forms(phrase, term.inflect)):
                    found.setdefault(form, term)
    return found


def _listed(term: Term) -> Iterator[Words]:
    for text in (term.canonical, *term.variants):
        if phrase := words(text):
            yield phrase


def _problems(glossary: Glossary) -> Iterator[str]:
    known = {category.id for category in glossary.categories}
    if len(known) < len(glossary.categories):
        yield f"categories: {_twice([category.id for category in glossary.categories])} is there twice: rename one"
    owners: dict[str, Term] = {}
    claims: dict[Words, Term] = {}
    for term in glossary.terms:
        if owners.setdefault(term.id, term) is not term:
            yield f"term {term.id}: the id is there twice: give one of the two another id"
        if term.category not in known:
            yield f"term {term.id}: no category {term.category}: add it, or take one of {', '.join(sorted(known))}"
        yield from _wordless(term)
        for phrase in _listed(term):
            first = claims.setdefault(phrase, term)
            if first is not term:
                yield f"term {term.id}: {' '.join(phrase)!r} belongs to term {first.id} too: remove it from one of them"


def _wordless(term: Term) -> Iterator[str]:
    for text in (term.canonical, *term.variants):
        if not words(text):
            yield f"term {term.id}: {text!r} has no letter or figure that could be heard: write it in words"


def _twice(ids: list[str]) -> str:
    return ", ".join(sorted({id_ for id_ in ids if ids.count(id_) > 1}))


def _told(error: ValidationError, raw: JsonValue) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        place, message = problem["loc"], problem["msg"]
        if not place:
            # From the check of the whole: its lines name their terms themselves.
            yield from message.removeprefix("Value error, ").split("\n")
        else:
            yield f"{_where(place, raw)}: {message}, found {_short(problem['input'])}"


def _of_the_rest(error: ValidationError, raw: JsonValue) -> Iterator[str]:
    """Yield contradictions among the terms whose fields are all right, which pydantic no longer looks for."""
    places = [problem["loc"] for problem in error.errors()]
    broken = {place[1] for place in places if len(place) > 1 and place[0] == "terms"}
    if not broken or any(place[:1] != ("terms",) for place in places) or not isinstance(raw, dict):
        return
    terms = raw["terms"]
    assert isinstance(terms, list)  # noqa: S101 - else the place of a problem would have no number
    whole = [term for number, term in enumerate(terms) if number not in broken]
    if whole:
        try:
            Glossary.model_validate({**raw, "terms": whole})
        except ValidationError as rest:
            yield from _told(rest, raw)


def _where(place: tuple[int | str, ...], raw: JsonValue) -> str:
    """Return a place in words: a term by its id or canonical form, not by its number alone."""
    fields = ".".join(map(str, place))
    if place[0] != "terms" or len(place) < 2 or not isinstance(raw, dict):
        return fields
    number, terms = place[1], raw["terms"]
    term = terms[number] if isinstance(terms, list) and isinstance(number, int) else None
    name = (term.get("id") or term.get("canonical")) if isinstance(term, dict) else None
    return f"term {name or f'number {int(number) + 1}'}: {'.'.join(map(str, place[2:])) or 'the whole'}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
