"""Where layers come from: YAML files, ``.env.<env>``, ``THOTH_*`` variables and ``--set`` options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thoth_infra.config import layers, shape, yaml_source
from thoth_infra.config.environment import Environment
from thoth_infra.config.layers import Layer
from thoth_infra.config.yaml_source import KeyPath
from thoth_infra.errors import ConfigInvalid, Problem, did_you_mean

# Keys of .env.<env> (see .env.example), and with THOTH_ before them of the process: the configuration
# key that each sets.
ENV_KEYS: dict[str, str] = {
    "AWS_ACCOUNT_ID": "accounts.own",
    "SHARED_ACCOUNT_ID": "accounts.shared",
    "AWS_REGION": "region",
    "AWS_PROFILE": "identity.profile",
    "VPC_ID": "network.vpc_id",
    "VPC_CIDR": "network.cidr",
    "PUBLIC_SUBNET_IDS": "network.existing_subnets.public",
    "PRIVATE_SUBNET_IDS": "network.existing_subnets.private",
    "ISOLATED_SUBNET_IDS": "network.existing_subnets.isolated",
    "DOMAIN_NAME": "domain.name",
    "GPU_INSTANCE_TYPE": "gpu_pools.main.instance_type",
    "GPU_AMI_ID": "gpu_pools.main.ami_id",
    "SPOT_ENABLED": "gpu_pools.main.spot.enabled",
    "MAX_GPU_INSTANCES": "gpu_pools.main.on_demand.max",
    "MAX_SPOT_INSTANCES": "gpu_pools.main.spot.max",
    "WHISPER_MODEL": "whisper.model",
    "IMAGE_TAG": "images.tag",
    "ALARM_EMAILS": "alarms.emails",
    "MONTHLY_BUDGET_USD": "budget.monthly_usd",
    "LOG_LEVEL": "logging.level",
}

PREFIX = "THOTH_"
# Variables of the command line itself, which set no configuration key.
RESERVED = frozenset(
    {
        "THOTH_DOCKER",
        "THOTH_EMULATED",
        "THOTH_EMULATOR_PACE",
        "THOTH_ENGINE",
        "THOTH_ENV",
        "THOTH_PROVIDER_MIRROR",
        "THOTH_ROOT",
        "THOTH_TERRAFORM",
    }
)
PROCESS_FILE = Path("(process)")
OPTIONS_FILE = Path("--set")

_ASSIGNMENT = re.compile(r"(?:export\s+)?(?P<key>[A-Za-z_]\w*)=(?P<value>.*)", re.ASCII)


def yaml_layer(name: str, file: Path, shown: Path) -> Layer:
    """Read a YAML file as a layer."""
    document = yaml_source.read(file, shown)
    return Layer(name, shown, document.data, document.lines)


def dotenv_layer(file: Path, shown: Path) -> Layer:
    """Read ``.env.<env>`` as a layer; a key without a value sets nothing.

    Raises ConfigInvalid for lines and keys that are not understood. ``scripts/load-env.sh`` reads the
    same lines in the same way.
    """
    text = yaml_source.decode(yaml_source.content(file, shown), shown)
    return _assignments(text, Layer(layers.DOTENV, shown, {}))


def _assignments(text: str, layer: Layer) -> Layer:
    problems: list[Problem] = []
    first: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _ASSIGNMENT.fullmatch(line.strip())
        key = found["key"] if found else "(line)"
        if not found:
            wrong, right = f"{line.strip()!r} is not an assignment", "write KEY=value, or # before a comment"
        elif key not in ENV_KEYS:
            wrong, right = "is not a known key", _known_key(key)
        elif key in first:
            wrong, right = f"is given twice, first on line {first[key]}", "keep one"
        else:
            first[key] = number
            if value := unquote(found["value"]):
                _put(layer, ENV_KEYS[key], value, number)
            continue
        problems.append(Problem(layer.file, number, key, wrong, right))
    if problems:
        raise ConfigInvalid(problems)
    return layer


def unquote(value: str) -> str:
    """Return an assignment's value without its quotes, or without its comment."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    if quoted := re.fullmatch(r"""(["'])(.*?)\1\s.*#.*""", value):
        return quoted[2]
    return re.sub(r"(^|\s+)#.*$", "", value)


def _known_key(key: str) -> str:
    guess = did_you_mean(key, ENV_KEYS)
    return guess if guess.startswith("did") else ".env.example lists the keys; others go into environments/"


def process_layer(variables: Mapping[str, str]) -> Layer:
    """Read ``THOTH_*`` variables as a layer; an empty one sets nothing.

    ``THOTH_VPC_ID`` sets what ``VPC_ID`` sets in a ``.env`` file; ``THOTH_NETWORK__NAT`` sets
    ``network.nat``, ``THOTH_CONTACT`` sets ``contact``. Raises ConfigInvalid for a name that is neither.
    """
    layer = Layer(layers.PROCESS, PROCESS_FILE, {})
    problems = []
    for name, value in sorted(variables.items()):
        if not name.startswith(PREFIX) or name in RESERVED or not value:
            continue
        key = name.removeprefix(PREFIX)
        if key in ENV_KEYS:
            _put(layer, ENV_KEYS[key], value, label=name)
        elif "__" in key or key.lower() in Environment.model_fields:
            _put(layer, key.lower().replace("__", "."), value, label=name)
        else:
            problems.append(Problem(PROCESS_FILE, 0, name, "is not a known variable", _known_variable(name)))
    if problems:
        raise ConfigInvalid(problems)
    return layer


def _known_variable(name: str) -> str:
    known = {*ENV_KEYS, *(variable.removeprefix(PREFIX) for variable in RESERVED)}
    guess = did_you_mean(name.removeprefix(PREFIX), known)
    form = "write THOTH_ and the key, with __ for each dot (THOTH_NETWORK__NAT), or unset it"
    return guess.replace("mean '", f"mean '{PREFIX}") if guess.startswith("did") else form


def options_layer(assignments: tuple[str, ...]) -> Layer:
    """Read ``--set key.path=value`` options as a layer; the last of two for one key counts."""
    layer = Layer(layers.OPTIONS, OPTIONS_FILE, {})
    problems = []
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        key = key.strip()
        if not separator or not all(key.split(".")):
            wrong = f"--set {assignment!r} is not an assignment"
            problems.append(Problem(OPTIONS_FILE, 0, key or "(option)", wrong, "write --set key.path=value"))
        else:
            _put(layer, key, value)
    if problems:
        raise ConfigInvalid(problems)
    return layer


def _put(layer: Layer, dotted: str, text: str, line: int = 0, label: str = "") -> None:
    path = tuple(dotted.split("."))
    node = layer.data
    for depth, part in enumerate(path[:-1], 1):
        if not isinstance(node.get(part), dict):
            node[part] = {}
        node = node[part]
        _place(layer, path[:depth], line, label)
    node[path[-1]] = _typed(path, text)
    _place(layer, path, line, label)


def _place(layer: Layer, path: KeyPath, line: int, label: str) -> None:
    if line:
        layer.lines[path] = line
    if label:
        layer.labels[path] = Path(label)


def _typed(path: KeyPath, text: str) -> Any:
    """Read ``text`` as what the key takes: the digits of an account id are a text, those of a size not."""
    place = shape.place(path)
    if place is None:
        return yaml_source.scalar(text)
    if shape.nullable(place.annotation) and text.strip() in {"null", "~"}:
        return None
    if shape.is_text(place.annotation):
        quoted = yaml_source.scalar(text) if text[:1] in {'"', "'"} else None
        return quoted if isinstance(quoted, str) else text
    if shape.is_list(place.annotation) and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    return yaml_source.scalar(text)
