"""How a word, spoken or listed, becomes the tokens that are compared. Pure; the same for transcript and glossary.

``words("Hammer-Ons,")`` is ``("hammer", "ons")``; ``words("C♯")``, ``words("C#")`` and ``words("c sharp")`` are one.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias
from unicodedata import category, normalize

Words: TypeAlias = tuple[str, ...]

# "#" and a small "b" are accidentals only behind a note's letter: "C#", "Bbm7".
_SHARP = re.compile(r"\b([A-Ga-g])#")
_FLAT = re.compile(r"\b([A-G])b(?=$|[\W\dm])")
# "3/4" is a metre; "three four" is somebody who counts.
_FRACTION = re.compile(r"(?<=\d)/(?=\d)")
_SIGNS = str.maketrans({"♯": " sharp ", "♭": " flat ", "♮": " natural ", "’": "'", "ʼ": "'", "`": "'"})
_POSSESSIVE = re.compile(r"(?<=\w)'s\b|'", re.IGNORECASE)

# Accents, and the selectors between text and emoji form of a sign.
_MARKS = re.compile("[\u0300-\u036f\ufe00-\ufe0f]")
# Scripts written without blanks: there each character is a token, however the transcript is cut into words.
_UNSPACED = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff])")

# A full stop ends a sentence, dots of a pause don't; closing quotes and brackets may follow it.
_SENTENCE_END = re.compile(r"(?<![.…])[.!?。！？؟।][\"'”’»)\]]*$")

# Punctuation around a word as transcripts have it.
_USUAL = '.,;:!?()"'

_CARDINALS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_ORDINALS: dict[str, Words] = {
    "1st": ("first",), "2nd": ("second",), "3rd": ("third",), "4th": ("fourth",), "5th": ("fifth",),
    "6th": ("sixth",), "7th": ("seventh",), "8th": ("eighth",), "9th": ("ninth",), "10th": ("tenth",),
    "11th": ("eleventh",), "12th": ("twelfth",), "13th": ("thirteenth",), "14th": ("fourteenth",),
    "15th": ("fifteenth",), "16th": ("sixteenth",), "32nd": ("thirty", "second"), "64th": ("sixty", "fourth"),
}  # fmt: skip
_NUMBERS: Final[dict[str, Words]] = {
    **{str(number): (name,) for number, name in enumerate(_CARDINALS)},
    **_ORDINALS,
}


def words(text: str) -> Words:
    """Return the tokens of ``text``: lower case, no accents, possessives or punctuation, small numbers spelled out."""
    core = text.strip(_USUAL)
    # Most words are done here, as the rest below would do them; "Bb" is not.
    if core.isascii() and core.isalpha() and (core.islower() or (core.istitle() and core[1:2] != "b")):
        return (core.lower(),)
    signed = _FRACTION.sub(" over ", normalize("NFKC", text).translate(_SIGNS))
    plain = _POSSESSIVE.sub("", _FLAT.sub(r"\1 flat ", _SHARP.sub(r"\1 sharp ", signed)))
    bare = normalize("NFC", _MARKS.sub("", normalize("NFKD", plain.casefold())))
    spaced = _UNSPACED.sub(r" \1 ", "".join(map(_letter_or_blank, bare)))
    return tuple(token for part in spaced.split() for token in _NUMBERS.get(part, (part,)))


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with ``word``: no term goes on behind it."""
    return _SENTENCE_END.search(word) is not None


def _letter_or_blank(character: str) -> str:
    kind = category(character)
    if kind == "Cf":
        # Soft hyphens and joiners are inside words, and are no letters.
        return ""
    return character if kind[0] in "LNM" else " "
