from __future__ import annotations

import pytest

from thoth_infra.terraform.variables import for_container, for_local, refused

STEERING = ["TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_WORKSPACE", "TF_REATTACH_PROVIDERS"]
REPLACED = ["TF_DATA_DIR", "TF_INPUT", "TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "TF_IN_AUTOMATION"]


@pytest.mark.parametrize("name", STEERING)
def test_what_would_steer_terraform_unseen_is_refused_and_told(name: str) -> None:
    assert for_local({name: "-destroy"}) == {}
    assert for_container({name: "-destroy"}) == {}
    assert refused({name: "-destroy", "PATH": "/bin"}) == (name,)


@pytest.mark.parametrize("name", REPLACED)
def test_what_the_workspace_decides_is_not_inherited(name: str) -> None:
    assert for_local({name: "x"}) == {}
    assert for_container({name: "x"}) == {}
    assert refused({name: "x"}) == ()


@pytest.mark.parametrize(
    "name",
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
        "TF_LOG",
        "TF_VAR_image_tag",
        "HTTPS_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
    ],
)
def test_what_terraform_needs_enters_the_container(name: str) -> None:
    assert for_container({name: "value"}) == {name: "value"}
    assert for_container({name: ""}) == {}


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "GITHUB_TOKEN",
        "DATABASE_URL",
        "AWS_PROFILE",
        "AWS_CONFIG_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ],
)
def test_nothing_else_of_the_user_s_enters_the_container(name: str) -> None:
    assert for_container({name: "value"}) == {}
    assert for_local({name: "value"}) == {name: "value"}
