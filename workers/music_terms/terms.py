"""``terms.json``: which terms of the glossary were spoken, where, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME = "terms.json"

Seconds = Annotated[float, Field(ge=0)]
Place = Annotated[int, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UsedCategory(_Model):
    """A category of the glossary, as a legend names it."""

    id: str
    name: str


class UsedGlossary(_Model):
    """The glossary that the terms are of, as it was then.

    ``problem`` says why a newer file was not used, and is None when the glossary is the newest one.
    """

    name: str
    version: int
    language: str
    categories: tuple[UsedCategory, ...]
    problem: str | None = None


class FoundTerm(_Model):
    """One occurrence; ``id`` counts within the file, ``term`` is the glossary's id.

    ``first_word`` counts the words of segment ``segment_id``, ``last_word`` those of ``last_segment_id``, from 0; the
    two segments differ when the term goes across their border. Times are seconds from the start of the source.
    """

    id: str
    term: str
    category: str
    surface: str
    canonical: str
    segment_id: int
    first_word: Place
    last_segment_id: int
    last_word: Place
    start: Seconds
    end: Seconds
    context: str
    """The term with a few words on either side."""


class Terms(_Model):
    """The whole file; ``counts`` has every category of the glossary, by id."""

    version: Literal[1] = 1
    job_id: str
    language: str
    """What was spoken, by the transcript."""
    glossary: UsedGlossary
    counts: dict[str, Place]
    terms: tuple[FoundTerm, ...]
