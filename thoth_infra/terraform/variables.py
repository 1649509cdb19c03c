"""Which environment variables reach Terraform.

Some of Terraform's own variables change what a command does behind its back; none of those is passed
on. A container gets a named few and nothing else of the user's environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Replaced by what the command, the workspace and the CLI configuration say.
_OURS: Final = frozenset(
    {"TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG", "TF_DATA_DIR", "TF_INPUT", "TF_IN_AUTOMATION"}
    | {"TF_PLUGIN_CACHE_DIR"}
)
#: Would add options to a command, select another state, or swap the provider.
_REFUSED: Final = frozenset({"TF_WORKSPACE", "TF_REATTACH_PROVIDERS"})
_REFUSED_PREFIX: Final = "TF_CLI_ARGS"

#: Name files, folders and endpoints of the host. Credentials are resolved there and passed as values.
_HOST_ONLY: Final = frozenset(
    {
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_PROFILE",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
_PROXIES: Final = frozenset({"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"})
_PASSED: Final = _PROXIES | {name.lower() for name in _PROXIES}
#: Name certificate files, which are mounted where the host has them.
CERTIFICATES: Final = ("AWS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")


def refused(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names that are set and that Terraform is not shown, so that the user can be told."""
    return tuple(sorted(name for name, value in variables.items() if value and _is_refused(name)))


def for_local(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what a local Terraform inherits: everything but what would steer it unseen.

    Credential helpers (``credential_process``, single sign-on) may need any variable of the user's.
    """
    return {name: value for name, value in variables.items() if not (name in _OURS or _is_refused(name))}


def for_container(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what enters a container: AWS, Terraform, proxies and certificates, where set."""
    return {name: value for name, value in variables.items() if value and _enters_container(name)}


def _is_refused(name: str) -> bool:
    return name in _REFUSED or name.startswith(_REFUSED_PREFIX)


def _enters_container(name: str) -> bool:
    if name.startswith("TF_"):
        return not (name in _OURS or _is_refused(name))
    if name.startswith("AWS_"):
        return name not in _HOST_ONLY
    return name in CERTIFICATES or name in _PASSED
