"""Values as HCL: what one can see without Terraform."""

from __future__ import annotations

import math
from typing import Any

import pytest

from thoth_infra.render import hcl
from thoth_infra.render.hcl import Expression


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("plain", '"plain"'),
        ('say "hi"', r'"say \"hi\""'),
        ("C:\\new", r'"C:\\new"'),
        ("a\nb\tc\rd", r'"a\nb\tc\rd"'),
        ("${var.x}", '"$${var.x}"'),
        ("%{ if x }", '"%%{ if x }"'),
        ("$ {", '"$ {"'),
        ("100 %", '"100 %"'),
        ("cost: $5", '"cost: $5"'),
        ("\x00\x7f\x85", r'"\u0000\u007f\u0085"'),
        ("\u2028\ufeff", r'"\u2028\ufeff"'),
        ("🎸", '"🎸"'),
    ],
)
def test_a_string_is_quoted_as_a_person_would(text: str, quoted: str) -> None:
    assert hcl.quote(text) == quoted


@pytest.mark.parametrize("surrogate", ["\ud800", "a\udfffb", "\udc80"])
def test_a_lone_surrogate_is_refused_because_no_file_can_hold_it(surrogate: str) -> None:
    with pytest.raises(ValueError, match="lone surrogate"):
        hcl.quote(surrogate)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (2**63, "9223372036854775808"),
        (0.526, "0.526"),
        (3.0, "3"),
        (1e300, "1e+300"),
        ([], "[]"),
        ({}, "{}"),
        (("a", 1), '["a", 1]'),
        (Expression("aws_kms_key.this.arn"), "aws_kms_key.this.arn"),
        ([Expression("local.x"), "local.x"], '[local.x, "local.x"]'),
    ],
)
def test_a_value_on_one_line(data: Any, text: str) -> None:
    assert hcl.value(data) == text


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_hcl_does_not_know_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not a number of HCL"):
        hcl.value(number)


@pytest.mark.parametrize("data", [{1, 2}, object(), b"bytes", bytearray(b"x"), {"nested": [b"bytes"]}])
def test_what_has_no_hcl_form_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match="has no HCL form"):
        hcl.value(data)


def test_keys_are_quoted_only_where_hcl_wants_it() -> None:
    keys = ("plain", "with-hyphen", "_x", "a.b", "1st", "", "for", "if", "true", "null", "${x}", "über")
    lines = hcl.attributes(dict.fromkeys(keys, 1))
    written = [line.partition(" = ")[0].rstrip() for line in lines]
    assert written == [
        "plain", "with-hyphen", "_x", '"a.b"', '"1st"', '""', '"for"', '"if"', '"true"', '"null"', '"$${x}"', '"über"',
    ]  # fmt: skip


def test_signs_of_neighbours_stand_in_a_column_and_blocks_of_lines_part_them() -> None:
    data = {"a": 1, "long_name": 2, "block": {"x": 1, "yy": [1, 2]}, "b": 3, "cc": 4}
    assert "\n".join(hcl.attributes(data)) == (
        "a         = 1\nlong_name = 2\nblock = {\n  x  = 1\n  yy = [1, 2]\n}\nb  = 3\ncc = 4"
    )


def test_a_list_that_is_too_long_for_a_line_stands_one_item_per_line() -> None:
    assert hcl.value(["word" * 6] * 4, indent=1) == "[\n" + f'    "{"word" * 6}",\n' * 4 + "  ]"


def test_lists_of_mappings_are_indented_by_depth() -> None:
    assert hcl.value([{"a": [{"b": 1}]}]) == ("[\n  {\n    a = [\n      {\n        b = 1\n      },\n    ]\n  },\n]")
