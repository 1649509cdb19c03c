"""Scalar types of the configuration. Each refuses a wrong value with what would be right instead."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from thoth_infra.config.section import refusal
from thoth_infra.errors import did_you_mean


@dataclass(frozen=True)
class Matching:
    """Text of one form: the whole of it matches ``pattern``, as ``example`` does.

    ``\\w`` and ``\\d`` stand for ASCII only: Python's own would let Arabic digits into an account id. The
    pattern is one of JavaScript's too, for the JSON Schema.
    """

    pattern: str
    what: str
    example: str

    def check(self, value: str) -> str:
        """Return ``value``, or raise the refusal that names the form and an example."""
        if not re.fullmatch(self.pattern, value, re.ASCII):
            raise refusal(f"{value!r} is not {self.what}", f"write it like {self.example}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the form after everything that stands before this in the ``Annotated`` type."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Give editors the same form."""
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True)
class OneOf:
    """A value of a catalogue."""

    what: str
    choices: tuple[Any, ...]

    def check(self, value: Any) -> Any:
        """Return ``value``, or raise the refusal that names the nearest choice, or all of them."""
        if value in self.choices:
            return value
        if isinstance(value, str):
            guess = did_you_mean(value, self.choices)
            listed = f"choose one like {self.choices[0]}; docs/configuration.md lists all"
            raise refusal(f"{value!r} is not {self.what}", guess if guess.startswith("did") else listed)
        raise refusal(f"{value!r} is not {self.what}", f"choose one of {', '.join(map(str, self.choices))}")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the choice after the type."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Give editors the choices."""
        return {**handler(schema), "enum": list(self.choices)}


# Control characters, lone surrogates, and the separators that editors show as a new line.
_NOT_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _text(value: str) -> str:
    # Terraform normalises every string to NFC, and refuses lone surrogates: such values would change on
    # their way through, so a plan would never be empty.
    if any(unicodedata.category(c) in _NOT_TEXT for c in value):
        raise refusal(f"{value!r} holds a control character", "use printable text on one line")
    if unicodedata.normalize("NFC", value) != value:
        raise refusal(
            f"{value!a} is not in Unicode normal form C, which Terraform would turn it into",
            f"write {unicodedata.normalize('NFC', value)!a}",
        )
    return value


def _cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise refusal(f"{value!r} is not an IPv4 network", "write it like 10.20.0.0/16") from None
    if "/" not in value:
        right = f"write {value}/16, or the length it has, or {value}/32 for the one address"
        raise refusal(f"{value!r} is an address without a length", right)
    if str(network) != value:
        # Host bits, or a netmask in place of the length: AWS would answer with another text.
        raise refusal(f"{value!r} is not how AWS writes that network", f"write {network}")
    return value


def _vpc_cidr(value: str) -> str:
    prefix = ipaddress.IPv4Network(value).prefixlen
    if not 16 <= prefix <= 24:
        raise refusal(f"a /{prefix} network does not serve as the VPC", "use /16 to /24")
    return value


def _subnet_cidr(value: str) -> str:
    prefix = ipaddress.IPv4Network(value).prefixlen
    if not 16 <= prefix <= 28:
        raise refusal(f"AWS has no /{prefix} subnets", "use /16 to /28")
    return value


def _time_zone(value: str) -> str:
    import zoneinfo  # most commands never meet one

    # One file is looked up; the list of all would be read from the disk at every load.
    if re.fullmatch(r"(?!posix/|right/|posixrules|localtime)\w+(/[\w+-]+)*", value, re.ASCII):
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
            pass
        else:
            return value
    known = zoneinfo.available_timezones()
    if not known:
        return value  # a machine without time zone data can't tell, and AWS will
    raise refusal(f"no time zone is named {value!r}", did_you_mean(value, _likely(value, known)))


def _likely(name: str, zones: set[str]) -> set[str]:
    """Leave out what nobody means, and all when the choices would fill the screen."""
    import difflib  # only for an error

    usual = {zone for zone in zones if "/" in zone and not zone.startswith(("Etc/", "SystemV/"))} | {"UTC"}
    return usual if difflib.get_close_matches(name, usual, n=1) else {"America/New_York", "Europe/Berlin", "UTC"}


# The values that CloudWatch Logs accepts (PutRetentionPolicy, API reference).
LOG_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip

InterfaceService = Literal[
    "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "elasticfilesystem", "kms", "logs",
    "monitoring", "secretsmanager", "sqs", "ssm", "ssmmessages", "sts",
]  # fmt: skip
INTERFACE_SERVICES: frozenset[str] = frozenset(get_args(InterfaceService))

Text = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_text)]
EnvironmentName = Annotated[
    str, Matching(r"[a-z][a-z0-9]{1,11}", "an environment's name", "staging (2 to 12 letters and digits)")
]
ProjectName = Annotated[
    str,
    Matching(r"[a-z][a-z0-9]{1,11}", "a short name", "thoth (2 to 12 letters and digits, a letter first)"),
]
AccountId = Annotated[str, Matching(r"[0-9]{12}", "an AWS account id", '"087439708020" (12 digits, in quotes)')]
Region = Annotated[str, Matching(r"[a-z]{2}(-[a-z]+)+-[0-9]", "an AWS region", "us-east-1")]
AvailabilityZone = Annotated[str, Matching(r"[a-z]{2}(-[a-z]+)+-[0-9][a-z]", "an availability zone", "us-east-1a")]
Profile = Annotated[str, Matching(r"[A-Za-z0-9][\w.@-]{0,63}", "an AWS profile", "tfs-ai-staging")]
RoleName = Annotated[
    str, Matching(r"[\w+=,.@-]{1,64}", "an IAM role's name", "tfs-ai-cross-account-access (no ARN, no path)")
]
RolePattern = Annotated[str, Matching(r"[\w+=,.@*?[\]-]{1,64}", "a role name pattern", "thoth-staging-*")]
BucketName = Annotated[
    str, Matching(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "an S3 bucket name", "thoth-state-087439708020")
]
StateKey = Annotated[str, Matching(r"[\w!.*'()/-]{1,200}\.tfstate", "a state key", "staging/terraform.tfstate")]
Cidr = Annotated[str, AfterValidator(_cidr)]
VpcCidr = Annotated[str, AfterValidator(_cidr), AfterValidator(_vpc_cidr)]
SubnetCidr = Annotated[str, AfterValidator(_cidr), AfterValidator(_subnet_cidr)]
VpcId = Annotated[
    str,
    Matching(r"(vpc-([0-9a-f]{8}|[0-9a-f]{17}))?", "a VPC id", 'vpc-0123456789abcdef0, or "" to create one'),
]
SubnetId = Annotated[str, Matching(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})", "a subnet id", "subnet-0123456789abcdef0")]
AmiId = Annotated[
    str,
    Matching(
        r"(ami-([0-9a-f]{8}|[0-9a-f]{17}))?",
        "an AMI id",
        'ami-0123456789abcdef0, or "" for the recommended one',
    ),
]
DomainName = Annotated[
    str,
    Field(max_length=253),
    Matching(
        r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
        "a domain name",
        "thoth-staging.tfs.services (lower case, no https://, no slash)",
    ),
]
Email = Annotated[
    str,
    Field(max_length=254),
    Matching(r"[\w.!#%&'*+=~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "an e-mail address", "ops@example.com"),
]
SlackId = Annotated[str, Matching(r"[A-Z0-9]{8,12}", "a Slack id", "C0123456789 (the id, not the name)")]
GitHubRepository = Annotated[
    str, Matching(r"[\w-]{1,39}/[\w.-]{1,100}", "a GitHub repository", "ORGANISATION/REPOSITORY")
]
ImageTag = Annotated[str, Matching(r"\w[\w.-]{0,127}", "an image tag", "1.4.0")]
ImageDigest = Annotated[
    str,
    Matching(r"sha256:[0-9a-f]{64}", "an image's digest", f"sha256:{'0123456789abcdef' * 4}"),
]
ImageReference = Annotated[
    str,
    Matching(
        r"[a-z0-9][a-z0-9.:-]*(/[a-z0-9._-]+)+(:\w[\w.-]{0,127}|@sha256:[0-9a-f]{64})",
        "an image reference with a tag or digest",
        "ghcr.io/example/api:1.4.0",
    ),
]
WhisperModel = Annotated[
    str, Matching(r"[\w.-][\w./-]{0,199}|/[\w./-]{1,199}", "a Whisper model or folder", "large-v3")
]
InstanceClass = Annotated[str, Matching(r"db\.[a-z0-9]+\.[a-z0-9]+", "an RDS instance class", "db.t4g.medium")]
PostgresVersion = Annotated[
    str, Matching(r"1[5-9]\.[0-9]{1,2}", "a Postgres version of 15 or later", '"16.4" (in quotes)')
]
# What every tagged service accepts; some (RDS, ECS, IAM) refuse more than this, a number sign for one.
TagKey = Annotated[str, Matching(r"(?![aA][wW][sS]:)[\w .:/=+@-]{1,128}", "a tag key", "CostCenter (never aws:…)")]
TagValue = Annotated[
    str,
    Matching(r"[\w .:/=+@-]{0,256}", "a tag value", "tfs-infrastructure (letters, digits and _ . : / = + - @)"),
]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
ClockTime = Annotated[str, Matching(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day", '"07:30"')]
LogRetention = Annotated[int, OneOf("a retention that CloudWatch accepts", LOG_RETENTION_DAYS)]
Percent = Annotated[int, Field(ge=1, le=100)]
Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Dollars = Annotated[float, Field(gt=0, allow_inf_nan=False)]

# What the validators that are functions ask for, in the words of docs/configuration.md.
VALIDATORS: dict[Any, str] = {
    _text: "on one line",
    _cidr: "an IPv4 network like `10.20.0.0/16`",
    _vpc_cidr: "/16 to /24",
    _subnet_cidr: "/16 to /28",
    _time_zone: "an IANA time zone like `America/New_York`",
}
