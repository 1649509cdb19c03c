"""Laws of the evaluator that hold for all policies and requests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from thoth_infra.review.iam import Decision, Document, Principal, Request, authorize, evaluate
from thoth_infra.review.iam.conditions import OPERATORS, Condition, holds
from thoth_infra.review.iam.document import Patterns, Statement
from thoth_infra.review.iam.patterns import matches

ACTIONS = ("sqs:SendMessage", "sqs:ReceiveMessage", "s3:GetObject", "iam:PassRole")
RESOURCES = ("arn:aws:sqs:us-east-1:111111111111:a", "arn:aws:sqs:us-east-1:111111111111:ab", "arn:aws:s3:::b/jobs/1")
ROLES = tuple(f"arn:aws:iam::{account}:role/{name}" for account in ("111111111111", "222222222222") for name in "xy")
ROOTS = tuple(f"arn:aws:iam::{account}:root" for account in ("111111111111", "222222222222"))
KEYS = ("aws:SecureTransport", "aws:SourceArn")
VALUES = ("true", "false", *RESOURCES[:2])

_wild = st.sampled_from(["*", "sqs:*", "sqs:?e*", "arn:aws:sqs:*", "arn:*/jobs/?", "s3:Get*"])
_patterns = st.builds(
    Patterns,
    st.lists(st.one_of(_wild, st.sampled_from(ACTIONS + RESOURCES)), min_size=1, max_size=3).map(tuple),
    st.booleans(),
)
_condition = st.builds(
    Condition,
    st.sampled_from(sorted(OPERATORS)),
    st.sampled_from(KEYS),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=2).map(tuple),
)
_principals = st.frozensets(st.tuples(st.just("AWS"), st.sampled_from(("*", *ROLES, *ROOTS))), min_size=1, max_size=3)


def _statements(allow: st.SearchStrategy[bool], of_resource: bool) -> st.SearchStrategy[Statement]:
    principals = _principals if of_resource else st.none()
    return st.builds(Statement, allow, _patterns, _patterns, principals, st.lists(_condition, max_size=2).map(tuple))


_identity = st.lists(_statements(st.booleans(), False), max_size=4)
_resource = st.lists(_statements(st.booleans(), True), max_size=4)
_request = st.builds(
    Request,
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.sampled_from(ROLES).map(lambda arn: Principal("AWS", arn)),
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)),
)
DENY_ALL = Statement(False, Patterns(("*",)), Patterns(("*",)), frozenset({("AWS", "*")}))


def _decide(identity: list[Statement], resource: list[Statement], request: Request, strict: bool) -> Decision:
    carried = [Document(tuple(identity))]
    return authorize(request, carried, Document(tuple(resource)), resource_decides=strict)


@given(_identity, _resource, _request, st.booleans(), st.booleans())
def test_an_explicit_deny_wins(
    identity: list[Statement], resource: list[Statement], request: Request, strict: bool, inside: bool
) -> None:
    (identity if inside else resource).append(DENY_ALL)
    assert _decide(identity, resource, request, strict) is Decision.DENIED


@given(_identity, _resource, _statements(st.just(True), True), _request, st.booleans(), st.booleans())
def test_an_allow_more_never_takes_away(
    identity: list[Statement], resource: list[Statement], more: Statement, request: Request, strict: bool, inside: bool
) -> None:
    before = _decide(identity, resource, request, strict)
    (identity if inside else resource).append(more)
    after = _decide(identity, resource, request, strict)
    assert after is before or (before, after) == (Decision.NOT_ALLOWED, Decision.ALLOWED)


@given(_identity, _resource, _statements(st.just(False), True), _request, st.booleans(), st.booleans())
def test_a_deny_more_never_gives(
    identity: list[Statement], resource: list[Statement], more: Statement, request: Request, strict: bool, inside: bool
) -> None:
    before = _decide(identity, resource, request, strict)
    (identity if inside else resource).append(more)
    assert _decide(identity, resource, request, strict) in (before, Decision.DENIED)


@given(_identity, _resource, _request, st.booleans(), st.randoms(use_true_random=False))
def test_order_and_division_into_documents_do_not_matter(
    identity: list[Statement], resource: list[Statement], request: Request, strict: bool, random: object
) -> None:
    before = _decide(identity, resource, request, strict)
    random.shuffle(identity)  # type: ignore[attr-defined]
    random.shuffle(resource)  # type: ignore[attr-defined]
    assert _decide(identity, resource, request, strict) is before
    apart = [Document((statement,)) for statement in identity]
    assert authorize(request, apart, Document(tuple(resource)), resource_decides=strict) is before


@given(_identity, _request)
def test_nothing_is_allowed_that_no_statement_allows(identity: list[Statement], request: Request) -> None:
    without = [statement for statement in identity if not statement.allow]
    assert evaluate([Document(tuple(without))], request) is not Decision.ALLOWED


@given(_condition, st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)))
def test_if_exists_only_adds_the_request_without_the_key(condition: Condition, context: dict[str, str]) -> None:
    plain = condition.operator.removesuffix("IfExists")
    if plain != condition.operator:
        same = Condition(plain, condition.key, condition.values)
        assert holds(condition, context) is (holds(same, context) if condition.key in context else True)


@given(st.text(alphabet="ab:/.+(", max_size=8))
def test_a_pattern_without_wildcards_fits_itself_only(text: str) -> None:
    assert matches(text, text)
    assert matches("*", text)
    assert not matches(text, text + "a")
    assert matches(f"{text}*", text + "\n/b")
