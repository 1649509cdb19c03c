"""Values at the edge of what is right, and machines that lack something."""

from __future__ import annotations

import zoneinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from thoth_infra.config import catalogue, values, yaml_source


def accepts(kind: Any, value: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (values.VpcId, ""),
        (values.VpcId, "vpc-0123456789abcdef0"),
        (values.SubnetId, "subnet-01234567"),
        (values.Profile, "AWSAdministratorAccess-087439708020"),
        (values.RolePattern, "AWSReservedSSO_tfs-ai-staging_*"),
        (values.DomainName, "a.b"[:2] + "bc.de"),
        (values.Email, "first.last+tag@sub.example.com"),
        (values.ImageReference, "087439708020.dkr.ecr.us-east-1.amazonaws.com/thoth/api@sha256:" + "0" * 64),
        (values.ImageReference, "localhost:5000/api:1"),
        (values.TagKey, "kubernetes.io/cluster"),
        (values.TagValue, ""),
        (values.WhisperModel, "/mnt/models/large-v3"),
        (values.WhisperModel, "Systran/faster-whisper-small"),
        (values.TimeZone, "UTC"),
        (values.TimeZone, "America/Argentina/Buenos_Aires"),
        (values.Text, 'Grüße, 日本, 🎻 ${x} %{y} "quoted" \\ back'),
        (values.Region, "us-gov-west-1"),
        (values.VpcCidr, "10.0.0.0/24"),
        (values.SubnetCidr, "10.0.0.0/28"),
    ],
)
def test_accepted(kind: Any, value: str) -> None:
    assert accepts(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (values.VpcId, "vpc-0123456789"),
        (values.DomainName, "Thoth.tfs.services"),
        (values.DomainName, "thoth.tfs.services."),
        (values.DomainName, "-a.example.com"),
        (values.DomainName, ".".join(["a" * 63] * 4) + ".com"),
        (values.Email, "a@b"),
        (values.Email, "a b@example.com"),
        (values.TagKey, "AWS:x"),
        (values.StateKey, "staging/terraform.tfstate\n"),
        (values.AccountId, "087439708020\n"),
        (values.Text, "a\u2028b"),
        (values.Text, "\ud800"),
        (values.TimeZone, "posix/America/New_York"),
        (values.TimeZone, "localtime"),
        (values.Dollars, float("inf")),
        (values.Cidr, "10.0.0.0/255.0.0.0"),
        (values.Cidr, "::/0"),
    ],
)
def test_refused(kind: Any, value: Any) -> None:
    assert not accepts(kind, value)


def test_a_machine_without_time_zones_leaves_the_judgement_to_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(key: str) -> zoneinfo.ZoneInfo:
        raise zoneinfo.ZoneInfoNotFoundError(key)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", none)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    assert accepts(values.TimeZone, "America/New_York")


@given(st.text(max_size=40))
def test_a_text_that_is_accepted_is_what_terraform_keeps(text: str) -> None:
    import unicodedata

    if accepts(values.Text, text):
        assert unicodedata.normalize("NFC", text) == text
        assert (text.encode() and text.isprintable()) or all(
            unicodedata.category(c)[0] != "C" or unicodedata.category(c) in {"Cf", "Co", "Cn"} for c in text
        )


@given(st.text(max_size=30))
def test_any_text_of_a_variable_is_read_or_kept(text: str) -> None:
    """Whatever somebody exports, reading it is never a crash."""
    yaml_source.scalar(text)


@pytest.mark.parametrize("cpu", catalogue.FARGATE_SIZES)
def test_fargate_memory_is_one_to_eight_times_the_cpu(cpu: int) -> None:
    """Fargate's table: at least 2 GiB per vCPU (1 for the smallest sizes), at most 8."""
    sizes = catalogue.FARGATE_SIZES[cpu]
    assert sizes[0] == 2 * cpu
    assert sizes[-1] <= 8 * cpu
    assert list(sizes) == sorted(set(sizes))


def test_the_agent_keeps_its_share_of_memory() -> None:
    t4 = catalogue.GPU_INSTANCE_TYPES["g4dn.xlarge"]
    assert (t4.family, t4.task_enis, t4.task_cpu) == ("g4dn", 2, 4096)
    assert t4.task_memory_mib == 14643
