"""Terraform's command-line configuration for a run: providers from the mirror, the rest as the user has it.

Terraform reads one file (``TF_CLI_CONFIG_FILE``, else ``~/.terraformrc``). To point it at a mirror
without losing the user's credentials, the file for the run is the user's own with a
``provider_installation`` block after it. A user's file that already says where providers come from
stays in force as it is, and so does one written as JSON, which can't be added to.
A variable that names no file counts as unset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from thoth_infra.files import private_folder, write_atomic
from thoth_infra.terraform.mirror import MIRROR_VARIABLE, SOURCE, Mirror, find
from thoth_infra.terraform.workspace import Workspace

_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|#[^\n]*|//[^\n]*|/\*.*?\*/', re.DOTALL)
_INSTALLATION: Final = re.compile(r"^\s*\"?provider_installation\b", re.MULTILINE)
_PLUGIN_CACHE: Final = re.compile(r'^\s*"?plugin_cache_dir"?\s*[=:]\s*"([^"]+)"', re.MULTILINE)
_MIRROR_PATH: Final = re.compile(r'\bpath"?\s*[=:]\s*"([^"]+)"')


@dataclass(frozen=True)
class UserConfig:
    """What the user has configured: the file in force, if any, and its text."""

    path: Path | None = None
    text: str = ""

    @property
    def _code(self) -> str:
        return _COMMENT.sub(lambda match: match[1] or "", self.text)

    @property
    def stays(self) -> bool:
        """Whether the file must be left in force as it is."""
        return self.text.lstrip().startswith("{") or bool(_INSTALLATION.search(self._code))

    def plugin_cache(self, variables: Mapping[str, str]) -> str | None:
        """Return the plugin cache that the file names, in which Terraform lets variables stand."""
        match = _PLUGIN_CACHE.search(self._code)
        return Template(match[1]).safe_substitute(variables) if match else None

    @property
    def mirrors(self) -> tuple[Path, ...]:
        """The mirrors that the file names, where they exist."""
        named = (Path(path) for path in _MIRROR_PATH.findall(self._code)) if self.stays else ()
        return tuple(path for path in named if path.is_absolute() and path.is_dir())


@dataclass(frozen=True)
class Providers:
    """Where a run takes its providers from.

    ``config``: the file for ``TF_CLI_CONFIG_FILE``, or None where Terraform's own default is right.
    ``readable``: the folders and files that a container must see besides the project and the cache.
    ``remark``: something that the user asked for and does not get.
    """

    mirror: Mirror | None = None
    cache: Path | None = None
    config: Path | None = None
    readable: tuple[Path, ...] = ()
    remark: str | None = None

    @property
    def variables(self) -> dict[str, str]:
        """The variables that put this in force."""
        named = {"TF_CLI_CONFIG_FILE": self.config, "TF_PLUGIN_CACHE_DIR": self.cache}
        return {name: str(path) for name, path in named.items() if path}


def prepare(workspace: Workspace, variables: Mapping[str, str], target: str) -> Providers:
    """Find the providers for the platform ``target`` and write the configuration that uses them."""
    user = user_config(variables)
    cache = variables.get("TF_PLUGIN_CACHE_DIR") or user.plugin_cache(variables)
    cache_dir = Path(cache).expanduser().absolute() if cache else None
    mirror = None if user.stays else find(variables, workspace.tree, target)
    if mirror is None:
        readable = (user.path, *user.mirrors) if user.path else ()
        return Providers(None, _existing(cache_dir), user.path, readable, _remark(user, variables))
    config = private_folder(workspace.scratch) / "terraform.rc"
    write_atomic(config, compose(mirror, user.text, credentials(variables)), mode=0o600)
    # A cache can serve as the mirror, but Terraform can't install a folder into itself.
    cache_dir = None if cache_dir == mirror.root else cache_dir
    return Providers(mirror, _existing(cache_dir), config, mirror.folders)


def user_config(variables: Mapping[str, str]) -> UserConfig:
    """Read the file that Terraform would read."""
    named = variables.get("TF_CLI_CONFIG_FILE") or variables.get("TERRAFORM_CONFIG")
    paths = [Path(named).absolute()] if named else []
    paths.append(_home(variables) / ".terraformrc")
    for path in paths:
        if path.is_file():
            return UserConfig(path, path.read_text(encoding="utf-8"))
    return UserConfig()


def credentials(variables: Mapping[str, str]) -> str:
    """Return what ``terraform login`` stored, as configuration.

    Terraform stops reading that file by itself once ``TF_CLI_CONFIG_FILE`` is set.
    """
    path = _home(variables) / ".terraform.d" / "credentials.tfrc.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))["credentials"]
        tokens = {str(host): str(entry["token"]) for host, entry in stored.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""  # none, or not Terraform's: its own message about it would be no better
    return "".join(
        f"credentials {_quoted(host)} {{\n  token = {_quoted(token)}\n}}\n" for host, token in tokens.items()
    )


def compose(mirror: Mirror, *user: str) -> str:
    """Return the configuration: what the user has, then the mirror for the provider it holds."""
    before = "".join(f"{text.rstrip()}\n\n" for text in user if text.strip())
    source = _quoted(SOURCE)
    return (
        f"{before}provider_installation {{\n"
        f"  filesystem_mirror {{\n    path    = {_quoted(str(mirror.root))}\n    include = [{source}]\n  }}\n"
        f"  direct {{\n    exclude = [{source}]\n  }}\n}}\n"
    )


def _remark(user: UserConfig, variables: Mapping[str, str]) -> str | None:
    if user.stays and variables.get(MIRROR_VARIABLE):
        return f"{MIRROR_VARIABLE} is not used: {user.path} already says where providers come from"
    return None


def _quoted(value: str) -> str:
    """Quote for the first version of HCL, which these files are written in."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _home(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("HOME") or Path.home())


def _existing(cache: Path | None) -> Path | None:
    """Make the cache folder: Terraform refuses one that is not there."""
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
    return cache
