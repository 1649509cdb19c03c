"""A new environment after another one."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from tests.config.support import Below, Put, edit
from thoth_infra.config import across
from thoth_infra.config.create import create, free_network
from thoth_infra.config.load import load, names
from thoth_infra.errors import ConfigInvalid, ThothError


@pytest.mark.parametrize("source", ["dev", "staging", "production"])
def test_the_new_environment_loads_and_shares_nothing(root: Path, source: str) -> None:
    file, loaded = create(root, "qa", source)
    assert file == root / "environments" / "qa.yaml"
    qa, old = loaded.environment, load(root, source, personal=False).environment
    assert (qa.name, qa.state.key) == ("qa", "qa/terraform.tfstate")
    assert "thoth-qa-*" in qa.identity.role_patterns
    assert f"thoth-{source}-*" not in qa.identity.role_patterns
    assert (qa.domain.name if qa.domain else None) == ("thoth-qa.tfs.services" if old.domain else None)
    assert qa.network.cidr == "10.10.0.0/16"
    everything = {name: load(root, name, personal=False) for name in names(root)}
    assert list(across.problems(everything)) == list(across.warnings(everything)) == []


def test_subnets_keep_their_places_in_the_network(root: Path) -> None:
    _, loaded = create(root, "qa", "staging")
    old = load(root, "staging", personal=False).environment.network
    new = loaded.environment.network
    for tier, cidrs in new.subnets.tiers().items():
        for cidr, before in zip(cidrs, old.subnets.tiers()[tier], strict=True):
            assert cidr.replace("10.10.", "10.40.", 1) == before


def test_comments_and_everything_else_stay(root: Path) -> None:
    create(root, "qa", "dev")
    old = (root / "environments" / "dev.yaml").read_text().split("\n")
    new = (root / "environments" / "qa.yaml").read_text().split("\n")
    changed = {line.strip().split(":")[0] for line, before in zip(new, old, strict=True) if line != before}
    assert changed == {"name", "role_patterns", "key", "cidr", "public", "private", "isolated"}
    assert [line for line in old if "#" in line] == [line for line in new if "#" in line]


def test_the_images_of_a_shared_registry_are_the_new_environments_too(root: Path) -> None:
    lock = root / "environments" / "dev.images.lock"
    _, loaded = create(root, "qa", "dev")
    assert lock.with_name("qa.images.lock").read_bytes() == lock.read_bytes()
    assert loaded.environment.images.digests == load(root, "dev", personal=False).environment.images.digests

    edit(root, Put("_defaults", "images.registry", "own"))
    _, loaded = create(root, "demo", "dev")
    assert not lock.with_name("demo.images.lock").exists()
    assert loaded.environment.images.digests == {}


def test_quotes_stay_as_they_are(root: Path) -> None:
    edit(root, Put("staging", "state.key", "'staging/terraform.tfstate'"))
    create(root, "qa", "staging")
    assert "key: 'qa/terraform.tfstate'" in (root / "environments" / "qa.yaml").read_text()


def test_an_existing_vpc_is_not_moved(root: Path) -> None:
    subnets = "  vpc_id: vpc-01234567\n  existing_subnets:\n" + "\n".join(
        f"    {tier}: [subnet-0000000{n}, subnet-0000001{n}]"
        for n, tier in enumerate(("public", "private", "isolated"))
    )
    edit(root, Below("staging", "network", subnets))
    _, loaded = create(root, "qa", "staging")
    assert loaded.environment.network.cidr == "10.40.0.0/16"


def test_a_second_new_environment_gets_the_next_network(root: Path) -> None:
    create(root, "qa", "staging")
    _, loaded = create(root, "demo", "qa")
    assert loaded.environment.network.cidr == "10.20.0.0/16"


def test_networks_of_peers_are_taken(root: Path) -> None:
    edit(root, Below("staging", "network", "  peering: { vpc_id: vpc-01234567, cidr: 10.10.0.0/16 }"))
    _, loaded = create(root, "qa", "staging")
    assert loaded.environment.network.cidr == "10.20.0.0/16"


def test_when_nothing_is_free_the_way_out_is_told() -> None:
    with pytest.raises(ThothError) as error:
        free_network([ipaddress.IPv4Network("10.0.0.0/8")])
    assert "by hand" in str(error.value.hint)


@pytest.mark.parametrize(
    ("name", "source", "message", "hint"),
    [
        ("staging", "dev", "there is an environment 'staging' already", "choose another name"),
        ("QA", "dev", "'QA' is not an environment's name", "write it like staging"),
        ("../x", "dev", "'../x' is not an environment's name", "write it like staging"),
        ("qa", "stagign", "there is no environment 'stagign'", "did you mean 'staging'?"),
    ],
)
def test_names_that_can_not_be(root: Path, name: str, source: str, message: str, hint: str) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(ThothError) as error:
        create(root, name, source)
    assert message in error.value.message
    assert hint in str(error.value.hint)
    assert sorted(root.rglob("*")) == before


def test_nothing_is_written_when_the_result_would_not_load(root: Path) -> None:
    # The state key is said in the defaults, where it serves one environment only.
    edit(root, Put("staging", "state.key", "staging/staging.tfstate"))
    staging = root / "environments" / "staging.yaml"
    staging.write_text(staging.read_text().replace("  key: staging/staging.tfstate\n", ""))
    defaults = root / "environments" / "_defaults.yaml"
    defaults.write_text(defaults.read_text() + "state: { key: staging/terraform.tfstate }\n")
    with pytest.raises(ConfigInvalid) as error:
        create(root, "qa", "staging")
    assert [problem.key for problem in error.value.problems] == ["state.key"]
    assert "qa" not in names(root)


def test_two_environments_with_one_state_or_domain_are_refused(root: Path) -> None:
    create(root, "qa", "staging")
    edit(
        root,
        Put("qa", "state.key", "qa/staging/terraform.tfstate"),
        Put("qa", "domain.name", "thoth-staging.tfs.services"),
    )
    edit(
        root,
        Put("staging", "state.key", "qa/staging/terraform.tfstate"),
        Put("qa", "network.cidr", "10.10.0.0/16 # same"),
    )
    everything = {name: load(root, name, personal=False) for name in names(root)}
    found = [clash.problem for clash in across.problems(everything)]
    assert [(problem.file.name, problem.key) for problem in found] == [
        ("qa.yaml", "state.key"),
        ("qa.yaml", "domain.name"),
    ]
    assert (
        found[0].wrong == "staging has the same state, thoth-terraform-state-087439708020/qa/staging/terraform.tfstate"
    )
    lines = (root / "environments" / "qa.yaml").read_text().split("\n")
    assert lines[found[0].line - 1].strip().startswith("key: qa/staging")
    assert found[1].right == "use thoth-qa.tfs.services"


def test_networks_that_overlap_are_a_warning(root: Path) -> None:
    text = (root / "environments" / "staging.yaml").read_text().replace("10.40.", "10.30.")
    (root / "environments" / "staging.yaml").write_text(text)
    everything = {name: load(root, name, personal=False) for name in names(root)}
    (clash,) = across.warnings(everything)
    warning = clash.problem
    assert (warning.file.name, warning.key) == ("staging.yaml", "network.cidr")
    assert warning.wrong == "10.30.0.0/16 overlaps dev's 10.30.0.0/16, so the two can't be peered"
    assert list(across.problems(everything)) == []


def test_two_environments_in_one_existing_vpc_are_no_warning(root: Path) -> None:
    settings = ["network.vpc_id=vpc-01234567", "network.cidr=10.30.0.0/16"]
    settings += [
        f"network.existing_subnets.{tier}=subnet-0000000{n},subnet-0000001{n}"
        for n, tier in enumerate(("public", "private", "isolated"))
    ]
    for tier, (a, b, c) in {"public": (0, 1, 2), "private": (4, 5, 6), "isolated": (7, 8, 9)}.items():
        settings.append(f"network.subnets.{tier}=10.30.{a}.0/24,10.30.{b}.0/24,10.30.{c}.0/24")
    both = {name: load(root, name, variables={}, settings=settings) for name in ("staging", "production")}
    assert list(across.warnings(both)) == []
