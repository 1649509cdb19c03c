"""Loading: all problems at once, the layers' order, and files that are no configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.config.support import DEFAULTS, ROOT, Below, End, Put, Whole, edit, problems
from thoth_infra.config import sources
from thoth_infra.config.estate import Postgres
from thoth_infra.config.load import load, names
from thoth_infra.config.workers import Whisper
from thoth_infra.contract.services import SERVICES
from thoth_infra.errors import ConfigInvalid, ThothError


@pytest.mark.parametrize("name", names(ROOT))
def test_committed_environments_load(name: str) -> None:
    loaded = load(ROOT, name, personal=False)
    assert loaded.environment.name == name
    assert loaded.environment.prefix == f"thoth-{name}"
    assert loaded.overrides == {}


def test_environments_are_named_small_to_large(root: Path) -> None:
    (root / "environments" / "qa.yaml").write_text("name: qa\n")
    assert names(root) == ("dev", "staging", "qa", "production")


def test_an_unknown_environment_is_answered_with_the_nearest(root: Path) -> None:
    with pytest.raises(ThothError) as error:
        load(root, "stagign")
    assert error.value.hint == "did you mean 'staging'?"


def test_a_project_without_environments_says_so(tmp_path: Path) -> None:
    with pytest.raises(ThothError) as error:
        load(tmp_path, "staging")
    assert "project's root" in str(error.value.hint)


def test_mistakes_of_all_kinds_and_files_are_reported_at_once_in_order(root: Path) -> None:
    edit(
        root,
        Put(DEFAULTS, "region", "mars"),
        Put(DEFAULTS, "services.api.launch.cpu", "300"),
        Put(DEFAULTS, "off_hours.start_at", '"20:00"'),
        Put("staging", "network.nat", "two"),
        Put("staging", "network.subnets.public.0", "10.99.0.0/24"),
        Put("staging", "database.backup_days", "many"),
        Put("staging", "database.max_allocated_gib", "20"),
        Put("staging", "retention.audit_days", "7"),
        Below("staging", "domain", "  zoen: x"),
    )
    (root / ".env.staging").write_text("SPOT_ENABLED=maybe\n")
    found = problems(root, "staging", {"THOTH_LOG_LEVEL": "LOUD"}, "whisper.batch_size=0")
    assert found == tuple(sorted(found))
    assert [(str(problem.file), problem.key) for problem in found] == [
        ("--set", "whisper.batch_size"),
        (".env.staging", "gpu_pools.main.spot.enabled"),
        ("THOTH_LOG_LEVEL", "logging.level"),
        ("environments/_defaults.yaml", "region"),
        ("environments/_defaults.yaml", "services.api.launch.cpu"),
        ("environments/_defaults.yaml", "off_hours.start_at"),  # a rule inside a valid section
        ("environments/staging.yaml", "domain.zoen"),
        ("environments/staging.yaml", "network.subnets.public.0"),  # a rule beside the wrong network.nat
        ("environments/staging.yaml", "network.nat"),
        ("environments/staging.yaml", "database.max_allocated_gib"),  # a rule of the section that is wrong
        ("environments/staging.yaml", "database.backup_days"),
        ("environments/staging.yaml", "retention.audit_days"),  # a rule between valid sections
    ]


def test_files_that_are_not_yaml_are_reported_together(root: Path) -> None:
    edit(root, Put(DEFAULTS, "region", "[a"), Put("staging", "name", "@"))
    (root / ".env.staging").write_text("FOO=1\n")
    found = problems(root, "staging", {"THOTH_FOO": "1"}, "x")
    assert [str(problem.file) for problem in found] == [
        "(process)", "--set", ".env.staging", "environments/_defaults.yaml", "environments/staging.yaml",
    ]  # fmt: skip


def test_one_wrong_service_does_not_hide_the_rules_of_another(root: Path) -> None:
    edit(
        root,
        Put(DEFAULTS, "services.api.launch.cpu", "many"),
        Put(DEFAULTS, "services.transcription.launch.cpu", "9999"),
        Put(DEFAULTS, "gpu_pools.main.volume_gib", "1"),
    )
    keys = {problem.key for problem in problems(root, "staging")}
    assert keys == {"services.api.launch.cpu", "services.transcription.launch.cpu", "gpu_pools.main.volume_gib"}


def test_a_missing_section_does_not_hide_the_rules_of_production(root: Path) -> None:
    edit(root, Whole(DEFAULTS, "timeouts", ""))
    edit(root, Put("production", "database.multi_az", "false"), Put("production", "protection.approval", "none"))
    keys = {problem.key for problem in problems(root, "production")}
    assert keys == {"timeouts", "database.multi_az", "protection.approval"}


def test_a_rule_is_reported_where_the_value_is_given_not_where_it_became_wrong(root: Path) -> None:
    # 10.40.… is right in staging.yaml until a variable moves the VPC away from it.
    found = problems(root, "staging", {"THOTH_VPC_CIDR": "10.60.0.0/16"})
    assert len(found) == 9
    assert {str(problem.file) for problem in found} == {"environments/staging.yaml"}
    text = (root / "environments" / "staging.yaml").read_text().split("\n")
    for problem in found:
        tier = problem.key.split(".")[2]
        assert text[problem.line - 1].strip().startswith(f"{tier}: [")


def test_no_problem_is_reported_twice(root: Path) -> None:
    edit(root, Put(DEFAULTS, "services.api.scaling.min", "9"), Put("staging", "database.backup_days", "99"))
    found = problems(root, "staging")
    assert len(found) == len({str(problem) for problem in found}) == 2


def test_the_message_counts_and_lists_each_problem_with_its_place(root: Path) -> None:
    edit(root, Put("staging", "network.nat", "sigle"))
    with pytest.raises(ConfigInvalid) as error:
        load(root, "staging", variables={})
    assert re.fullmatch(
        r"1 problem in the configuration:\n"
        r"  environments/staging\.yaml:\d+: network\.nat: 'sigle' is not a choice; did you mean 'single'\?",
        error.value.message,
    )


def test_layers_override_each_other_in_order(root: Path) -> None:
    """defaults < environment < .env < process < options, each for one key of the same section."""
    edit(root, Put(DEFAULTS, "whisper.batch_size", "1"), Put(DEFAULTS, "whisper.model", "tiny"))
    edit(root, End("staging", "whisper:\n  batch_size: 2\n  model: base"))

    def read(*settings: str, variables: dict[str, str] | None = None, personal: bool = True) -> Whisper:
        loaded = load(root, "staging", variables=variables or {}, settings=settings, personal=personal)
        return loaded.environment.whisper

    assert (read().batch_size, read().model, read().compute_type) == (2, "base", "int8_float16")
    (root / ".env.staging").write_text("export WHISPER_MODEL='small' # for now\n")
    assert read().model == "small"
    assert read(variables={"THOTH_WHISPER_MODEL": "medium"}).model == "medium"
    assert read("whisper.model=large", variables={"THOTH_WHISPER__MODEL": "medium"}).model == "large"
    assert read(variables={"THOTH_WHISPER_MODEL": "medium"}, personal=False).model == "base"


def test_overrides_name_the_variable_the_option_and_the_line(root: Path) -> None:
    (root / ".env.staging").write_text("# mine\nIMAGE_TAG=1.0\n")
    loaded = load(root, "staging", variables={"THOTH_SPOT_ENABLED": "true"}, settings=["alarms.backlog_jobs=7"])
    assert {key: str(origin) for key, origin in loaded.overrides.items()} == {
        "images.tag": ".env.staging:2",
        "gpu_pools.main.spot.enabled": "THOTH_SPOT_ENABLED",
        "alarms.backlog_jobs": "--set",
    }
    assert loaded.environment.images.tag == "1.0"


def test_variables_are_read_as_what_their_key_takes(root: Path) -> None:
    variables = {
        "THOTH_AWS_ACCOUNT_ID": "123456789012",
        "THOTH_DATABASE__ENGINE_VERSION": "15.4",
        "THOTH_ALARM_EMAILS": "a@example.com, b@example.com",
        "THOTH_OFF_HOURS": "null",
        "THOTH_MONTHLY_BUDGET_USD": "12.5",
        "THOTH_CONTACT": "Slack #ops: day",
        "THOTH_VPC_ID": "",
        "THOTH_ENV": "nonsense",
        "PATH": "/bin",
    }
    settings = (
        'images.tag="1.10"',
        "network.interface_endpoints=[sqs, logs]",
        "services.api.image=null",
        "tags.Version=1.0",
    )
    env = load(root, "staging", variables=variables, settings=settings).environment
    assert env.accounts.own == "123456789012"
    assert isinstance(env.database, Postgres)
    assert env.database.engine_version == "15.4"
    assert env.alarms.emails == ("a@example.com", "b@example.com")
    assert env.off_hours is None
    assert env.budget and env.budget.monthly_usd == 12.5
    assert env.contact == "Slack #ops: day"
    assert env.images.tag == "1.10"
    assert env.network.interface_endpoints == ("sqs", "logs")
    assert env.services.api.image is None
    assert env.tags["Version"] == "1.0"


def test_every_env_key_sets_a_key_that_exists(root: Path) -> None:
    values = {"DOMAIN_NAME": "x.tfs.services", "VPC_CIDR": "10.40.0.0/16", "AWS_REGION": "us-east-1",
              "ALARM_EMAILS": "a@b.cd", "WHISPER_MODEL": "tiny", "IMAGE_TAG": "2"}  # fmt: skip
    (root / ".env.staging").write_text("\n".join(f"{key}={values.get(key, '')}" for key in sources.ENV_KEYS))
    assert set(load(root, "staging", variables={}).overrides) == {sources.ENV_KEYS[key] for key in values}


def test_another_variant_brings_none_of_the_old_ones_keys(root: Path) -> None:
    settings = ["services.api.scaling.kind=fixed", "services.api.scaling.tasks=2"]
    scaling = load(root, "staging", variables={}, settings=settings).environment.services.api.scaling
    assert scaling.model_dump() == {"kind": "fixed", "tasks": 2}


@pytest.mark.parametrize(
    ("content", "line", "wrong"),
    [
        (b"name: staging\ncontact: caf\xe9\n", 2, "is not UTF-8 (byte 0xe9)"),
        (b"name: staging\n\x00", 2, "holds the control character"),
        (b"\n- a\n- b\n", 2, "is not a mapping"),
        (b"just text\n", 1, "is not a mapping"),
    ],
)
def test_a_file_that_is_no_mapping_of_text(root: Path, content: bytes, line: int, wrong: str) -> None:
    (root / "environments" / "staging.yaml").write_bytes(content)
    (problem,) = problems(root, "staging")
    assert (str(problem.file), problem.line, problem.key) == ("environments/staging.yaml", line, "(file)")
    assert wrong in problem.wrong


def test_an_empty_file_lacks_its_sections(root: Path) -> None:
    (root / "environments" / "staging.yaml").write_text("# nothing yet\n")
    found = problems(root, "staging")
    assert {"name", "state", "database.multi_az"} <= {problem.key for problem in found}
    assert {problem.wrong for problem in found if problem.file.name == "staging.yaml"} >= {"is missing"}


def test_a_missing_defaults_file_is_named(root: Path) -> None:
    (root / "environments" / "_defaults.yaml").unlink()
    (problem,) = problems(root, "staging")
    assert str(problem.file) == "environments/_defaults.yaml"
    assert "no such file" in problem.wrong


def test_dotenv_that_is_not_text_is_named(root: Path) -> None:
    (root / ".env.staging").write_bytes(b"LOG_LEVEL=INFO\nVPC_ID=\xff\n")
    (problem,) = problems(root, "staging")
    assert (str(problem.file), problem.line) == (".env.staging", 2)


def test_windows_line_ends_and_byte_order_marks_are_accepted(root: Path) -> None:
    file = root / "environments" / "staging.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    (root / ".env.staging").write_bytes(b"LOG_LEVEL=ERROR\r\n")
    assert load(root, "staging", variables={}).environment.logging.level == "ERROR"


def test_yaml_1_1_traps_are_texts(root: Path) -> None:
    """``no`` and ``22:00`` stay texts, and an account id that begins with a zero does even without quotes."""
    edit(root, Put(DEFAULTS, "off_hours.stop_at", "22:30"), Put(DEFAULTS, "accounts.own", "087439708020"))
    env = load(root, "staging", variables={}).environment
    assert env.off_hours and env.off_hours.stop_at == "22:30"
    assert env.accounts.own == "087439708020"


def test_every_service_of_the_contract_is_configured() -> None:
    assert set(load(ROOT, "dev", personal=False).environment.services.by_name()) == {s.name for s in SERVICES}


def test_images_come_from_the_registry_that_is_configured(root: Path) -> None:
    digest = load(root, "staging", variables={}).environment.images.digests["api"]
    shared = load(root, "staging", variables={}).environment
    assert shared.image("api", "api") == f"542876199144.dkr.ecr.us-east-1.amazonaws.com/thoth/api@{digest}"
    own = load(root, "staging", variables={}, settings=["images.registry=own"]).environment
    assert own.image("api", "api") == f"087439708020.dkr.ecr.us-east-1.amazonaws.com/thoth/staging/api@{digest}"
    (root / "environments" / "staging.images.lock").unlink()
    tagged = load(root, "staging", variables={}).environment
    assert tagged.image("api", "api") == "542876199144.dkr.ecr.us-east-1.amazonaws.com/thoth/api:0.1.0"
    other = load(root, "staging", variables={}, settings=["services.api.image=ghcr.io/x/api:1"]).environment
    assert other.image("api", "api") == "ghcr.io/x/api:1"
    assert other.gpu_hourly_cost == 0.526
    assert other.public_url == "https://thoth-staging.tfs.services"
    assert other.all_tags["Environment"] == "staging"


def test_variables_of_the_command_line_are_known_and_never_configuration() -> None:
    """A new THOTH_ variable in a script would otherwise make every command refuse to start."""
    files = [*ROOT.glob("thoth_infra/**/*.py"), *ROOT.glob("*.sh"), *ROOT.glob("scripts/*"), ROOT / "Makefile"]
    text = "\n".join(file.read_text() for file in files if file.is_file())
    used = set(re.findall(r"(?<![A-Z_])THOTH_[A-Z]+(?:_[A-Z]+)*\b(?!_)", text))
    examples = {"THOTH_ENVIRONMENT", "THOTH_VPC_ID", "THOTH_CONTACT", "THOTH_NETWORK"}
    assert used - examples - {f"THOTH_{key}" for key in sources.ENV_KEYS} <= sources.RESERVED
