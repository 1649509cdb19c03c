"""Corrections that concern every service: whose account a request is for, and what an unknown path means."""

from __future__ import annotations

import functools
import re
from typing import Any

import botocore.session
import moto.iam.models
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import BaseResponse

from thoth_infra.emulator.patches.registry import patch, wrap

_ACCOUNT = re.compile(r"\d{12}")
_ACCESS_KEY = re.compile(r"AWS.*?(?P<access_key>(?<![A-Z0-9])(?:[A-Z0-9]{20}|\d{12})(?![A-Z0-9]))[:/]")


@patch("core", needed=lambda: moto.iam.models.get_account_id_from("1" * 12) != "1" * 12)
def account_of_access_key() -> None:
    """moto knows one account unless STS is asked first; here a 12-digit access key *is* the account.

    So one emulator serves staging's and the shared account alike and ``allowed_account_ids`` is checked for real.
    ``MOTO_ACCOUNT_ID`` can't do that: it overrides assumed roles too.
    """

    def get_account_id_from(access_key: str) -> Any:
        if _ACCOUNT.fullmatch(access_key):
            return access_key
        # moto's own search makes a backend in each of AWS's partitions, of 4 MB each, in every account
        for account, of_account in list(moto.iam.models.iam_backends.items()):
            if any(access_key in backend.access_keys for backend in list(of_account.values())):
                return account
        return DEFAULT_ACCOUNT_ID

    moto.iam.models.get_account_id_from = get_account_id_from
    BaseResponse.access_key_regex = _ACCESS_KEY


@patch("core", needed=lambda: True)
def unknown_path_is_unknown_action() -> None:
    """moto answers 404 to a REST request that matches no action; the provider reads that as "no such resource"."""

    @wrap(BaseResponse, "call_action")
    def call_action(original: Any, self: Any) -> Any:
        if not self._get_action():
            raise NotImplementedError(f"no action of {self.service_name} matches {self.method} {self.path}")
        return original(self)


@patch("core", needed=lambda: not hasattr(botocore.session.create_loader, "cache_info"))
def one_loader_of_service_models() -> None:
    """moto makes many botocore sessions, and each reads the same files again: EC2's alone cost it 0.4 s of 0.8."""
    botocore.session.create_loader = functools.lru_cache(botocore.session.create_loader)
