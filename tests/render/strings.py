"""Strings that break serialisers: ten thousand of them, the same on every run."""

from __future__ import annotations

import random
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

# What HCL gives a meaning to, alone and in the sequences where the meaning changes.
SIGNS = (
    "$", "%", "{", "}", "${", "%{", "$${", "%%{", "$$${", "%%%{", "${}", "%{if}", "~}", '"', "\\", "\\n", "\\u0041",
    "\\${", "//", "#", "/*", "<<EOT", "EOT", "var.x", "$$", "%%", "$$$$", "%%%%", "$%{", "%${", '"${"', "'",
)  # fmt: skip
CONTROLS = (*map(chr, (*range(0x20), *range(0x7F, 0xA0))), "\r\n", "\u2028", "\u2029", "\ufeff")
LETTERS = (
    "a", "Z", "0", " ", "  ", "é", "e\u0301", "ß", "Å", "\u212b", "\u1e9b\u0323", "한", "\u1112\u1161\u11ab", "日本",
    "\u0644\u0627", "\u05d0", "\u0939\u093f", "🎸", "👩‍🎤", "🏳️‍🌈", "\U0001f1e9\U0001f1ea", "\u200b", "\u200d", "\u202e",
    "\u00a0", "\u3000", "\ufffd", "\uffff", "\U0010ffff", "\u0300", "\U00011127",
)  # fmt: skip

_TEXT = st.one_of(
    st.text(max_size=40),
    st.text(alphabet='$%{}\\"~ \n', max_size=24),
    st.text(alphabet=st.characters(categories=("Cc", "Cf", "Zl", "Zp", "Zs", "Mn", "So")), max_size=12),
)


def seeded(seed: int, count: int) -> list[str]:
    """Return ``count`` distinct strings put together from the pieces above."""
    rng = random.Random(seed)  # noqa: S311 - the point is that it repeats
    pools = (SIGNS, CONTROLS, LETTERS, (*SIGNS, *CONTROLS, *LETTERS))
    found: dict[str, None] = {}
    while len(found) < count:
        length = rng.choice((1, 2, 3, 5, 9, 20, 400)) if rng.random() < 0.05 else rng.randint(1, 8)
        found["".join(rng.choice(rng.choice(pools)) for _ in range(length))] = None
    return list(found)


def generated(count: int) -> list[str]:
    """Return ``count`` distinct strings of hypothesis's own making."""
    found: dict[str, None] = {}

    @settings(max_examples=2 * count, derandomize=True, database=None, deadline=None)
    @given(_TEXT)
    def collect(text: str) -> None:
        found[text] = None

    collect()
    assert len(found) >= count
    return list(found)[:count]


def normal(text: str) -> str:
    """Return ``text`` in the form that Terraform gives every string."""
    return unicodedata.normalize("NFC", text)
