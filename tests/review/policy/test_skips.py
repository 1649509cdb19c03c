"""The skip file: what a skip covers, and what is wrong with the skips themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from thoth_infra.errors import ConfigInvalid
from thoth_infra.review.policy import skips
from thoth_infra.review.policy.findings import Finding, Level
from thoth_infra.review.policy.skips import RULES, SCANNER, Skip, judge, load

NAMES = ("dev", "staging", "production")
BOTH = frozenset({SCANNER, RULES})
REASON = "nobody waits for it, and it would cost more than it saves"
GOOD = f"""\
skips:
  - check: CKV_AWS_1
    environments: [dev, staging]
    resources: ['aws_lb.this', 'aws_subnet.this[*]']
    reason: {REASON}
    owner: S2.5
"""


def _found(check: str = "CKV_AWS_1", address: str = "aws_lb.this") -> Finding:
    return Finding(check, address, "is wrong", "mend it")


def _skip(check: str = "CKV_AWS_1", *, environments: tuple[str, ...] = ("dev",), on: tuple[str, ...] = ("*",)) -> Skip:
    return Skip(check, environments, on, REASON, "S2.5", line=2)


def _load(root: Path, text: str) -> tuple[Skip, ...]:
    (root / "policy.yaml").write_text(text, encoding="utf-8")
    return load(root, NAMES)


def test_a_skip_covers_its_check_on_its_resources_in_its_environments(tmp_path: Path) -> None:
    (skip,) = _load(tmp_path, GOOD)
    assert skip.covers("dev", _found())
    assert skip.covers("staging", _found(address='aws_subnet.this["a"]'))
    assert not skip.covers("production", _found())
    assert not skip.covers("dev", _found("CKV_AWS_2"))
    assert not skip.covers("dev", _found(address="aws_lb.this2"))
    assert not skip.covers("dev", _found(address='module.x.aws_subnet.this["a"]'))


def test_without_a_file_nothing_is_skipped(tmp_path: Path) -> None:
    assert load(tmp_path, NAMES) == ()


def test_what_is_covered_does_not_count() -> None:
    judged = judge("dev", [_found(), _found("CKV_AWS_2")], [_skip()], seen=BOTH)
    assert [finding.check for finding in judged.open] == ["CKV_AWS_2"]
    assert [(finding.check, skip.owner) for finding, skip in judged.skipped] == [("CKV_AWS_1", "S2.5")]
    assert judged.skipped_checks == ("CKV_AWS_1",)


def test_a_skip_that_covers_nothing_is_a_failure() -> None:
    (stale,) = judge("dev", [], [_skip()], seen=BOTH).open
    assert (stale.check, stale.level, stale.place) == (skips.STALE, Level.FAILURE, "policy.yaml:2")
    assert "CKV_AWS_1 covers nothing in dev" in stale.wrong


def test_each_pattern_of_a_skip_must_cover_something() -> None:
    judged = judge("dev", [_found()], [_skip(on=("aws_lb.*", "aws_alb.this"))], seen=BOTH)
    assert [finding.address for finding in judged.open] == ["aws_alb.this"]


def test_a_skip_is_stale_only_where_its_check_was_run() -> None:
    elsewhere = _skip(environments=("production",))
    of_a_rule = _skip("queue-dead-letter")
    assert judge("dev", [], [elsewhere, of_a_rule], seen=frozenset({SCANNER})).open == ()
    assert len(judge("dev", [], [of_a_rule], seen=BOTH).open) == 1


def test_more_than_twelve_skipped_checks_are_a_failure() -> None:
    found = [_found(f"CKV_AWS_{number}") for number in range(13)]
    skipping = [_skip(f"CKV_AWS_{number}") for number in range(13)]
    assert judge("dev", found[:12], skipping[:12], seen=BOTH).open == ()
    (finding,) = judge("dev", found, skipping, seen=BOTH).open
    assert finding.check == skips.TOO_MANY
    assert "skips 13 checks" in finding.wrong


@pytest.mark.parametrize(
    ("old", "new", "line", "wrong"),
    [
        (f"    reason: {REASON}\n", "", 2, "has no reason"),
        (REASON, '""', 5, "has no reason"),
        (REASON, "because", 5, "says little"),
        ("    owner: S2.5\n", "", 2, "has no owner"),
        ("S2.5", "somebody", 6, "owns nothing"),
        ("S2.5", "'decision: '", 6, "owns nothing"),
        ("S2.5", "S9.1", 6, "owns nothing"),
        ("CKV_AWS_1", "all", 2, "no check's id"),
        ("CKV_AWS_1", "[CKV_AWS_1]", 2, "has no check"),
        ("[dev, staging]", "[dev, stagign]", 3, "no environment 'stagign'"),
        ("[dev, staging]", "[]", 3, "has no environments"),
        ("[dev, staging]", "dev", 3, "has no environments"),
        ("    resources: ['aws_lb.this', 'aws_subnet.this[*]']\n", "", 2, "has no resources"),
        ("owner:", "owners:", 6, "is not known"),
        ("skips:", "skip:", 1, "is not known"),
    ],
)
def test_a_skip_that_can_not_hold_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, wrong: str
) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(ConfigInvalid) as raised:
        _load(tmp_path, GOOD.replace(old, new))
    assert (line, True) in {(problem.line, wrong in problem.wrong) for problem in raised.value.problems}
    assert {str(problem.file) for problem in raised.value.problems} == {"policy.yaml"}


@pytest.mark.parametrize("text", ["skips: none\n", "skips:\n  - CKV_AWS_1\n", ""])
def test_a_file_of_another_shape_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigInvalid):
        _load(tmp_path, text)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    bad = GOOD.replace("S2.5", "somebody").replace("staging", "stagign")
    with pytest.raises(ConfigInvalid) as raised:
        _load(tmp_path, bad)
    assert len(raised.value.problems) == 2


def test_a_decision_may_own_a_skip(tmp_path: Path) -> None:
    (skip,) = _load(tmp_path, GOOD.replace("S2.5", "'decision: one region'"))
    assert skip.owner == "decision: one region"
