"""``transcript.json``: what was said, when, and how sure the model is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

NAME = "transcript.json"

Seconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Word(_Model):
    """One word, punctuation included, without blanks around it; ``probability`` is the model's own."""

    start: Seconds
    end: Seconds
    text: str
    probability: Share


class Segment(_Model):
    """A stretch of speech that reads as one line; ``confidence`` is the mean of its words' probabilities."""

    id: int
    start: Seconds
    end: Seconds
    text: str
    words: tuple[Word, ...]
    confidence: Share


class Transcript(_Model):
    """The whole lesson; times are seconds from the start of the source."""

    version: Literal[1] = 1
    job_id: str
    language: str
    language_probability: Share
    duration: Seconds
    model: str
    settings: dict[str, JsonValue]
    confidence: Share
    segments: tuple[Segment, ...]
