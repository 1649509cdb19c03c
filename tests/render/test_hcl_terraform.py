"""Values as HCL, read back by the real Terraform: nothing may change on the way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.render.strings import generated, normal, seeded
from tests.render.support import formatted, read_back, read_back_strings
from thoth_infra.config.values import Text
from thoth_infra.render import hcl

pytestmark = pytest.mark.terraform

BATCH = 2500
_REASONS = ("control character", "normal form C", "at most 256 characters", "at least 1 character")
_MODEL: TypeAdapter[str] = TypeAdapter(Text)


def _batch(number: int) -> list[str]:
    return generated(BATCH) if number == 3 else seeded(number, BATCH)


@pytest.mark.parametrize("number", range(4))
def test_ten_thousand_strings_arrive_unchanged_or_are_refused_by_the_model(number: int, tmp_path: Path) -> None:
    strings = [text for text in _batch(number) if not any(0xD800 <= ord(c) <= 0xDFFF for c in text)]
    found = read_back_strings(tmp_path, {f"s{i}": text for i, text in enumerate(strings)})
    changed, refused = [], 0
    for i, text in enumerate(strings):
        message = _refusal(text)
        refused += message is not None
        # Terraform brings every string into NFC. The model refuses those that would change by it.
        if found[f"s{i}"] != (text if message is None else normal(text)):
            changed.append((text, found[f"s{i}"], message))
    assert not changed
    assert len(strings) > 0.99 * BATCH
    assert 0.1 * BATCH < refused < 0.9 * BATCH, "the batch proves little about one of both"


def _refusal(text: str) -> str | None:
    """Return the model's message, or None where it accepts ``text`` exactly as it is."""
    try:
        assert _MODEL.validate_python(text) == text
    except ValidationError as error:
        (detail,) = error.errors()
        assert any(reason in detail["msg"] for reason in _REASONS), detail
        return detail["msg"]
    return None


_KEYS = st.text(max_size=12).filter(lambda text: text.isprintable()).map(normal)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12).filter(lambda text: text.isprintable()).map(normal),
)


def _nested(keys: st.SearchStrategy[str], leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=20,
    )


def _examples(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    found: list[Any] = []

    @settings(max_examples=count, derandomize=True, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found


def test_nested_values_arrive_unchanged(tmp_path: Path) -> None:
    values = {f"v{i}": value for i, value in enumerate(_examples(_nested(_KEYS, _LEAVES), 400))}
    found = read_back(tmp_path, values)
    wrong = [(value, found[name]) for name, value in values.items() if not _same(found[name], value)]
    assert not wrong


def _same(found: Any, wanted: Any) -> bool:
    """Compare exactly, except that a float's decimal form may come back with more digits than it needs."""
    match wanted:
        case bool() | None | str():
            return type(found) is type(wanted) and found == wanted
        case int():
            return isinstance(found, int) and not isinstance(found, bool) and found == wanted
        case float():
            return math.isclose(float(found), wanted, rel_tol=0, abs_tol=0)
        case list():
            return isinstance(found, list) and len(found) == len(wanted) and all(map(_same, found, wanted))
        case dict():
            return (
                isinstance(found, dict)
                and found.keys() == wanted.keys()
                and all(_same(found[key], value) for key, value in wanted.items())
            )
    raise AssertionError(type(wanted))


# The model lets only ASCII into keys. Terraform aligns by grapheme clusters, we by characters.
_ASCII = st.text(alphabet=st.characters(max_codepoint=0x7E, min_codepoint=0x20), max_size=20)


def test_the_layout_is_what_terraform_fmt_makes_of_it() -> None:
    values = _examples(st.dictionaries(_ASCII, _nested(_ASCII, _LEAVES), max_size=6), 200)
    document = "\n".join("\n".join(hcl.attributes({f"v{i}": value})) for i, value in enumerate(values)) + "\n"
    ours, theirs = document.splitlines(), formatted(document).splitlines()
    assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []
