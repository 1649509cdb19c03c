"""The glossary over HTTP: read, replaced as a whole, refused with every problem."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workers.api.http.rig import Api
from workers.music_terms.files import packaged
from workers.music_terms.source import NAME, GlossarySource

Key = dict[str, str]


def small(**more: Any) -> dict[str, Any]:
    """Return a glossary of one term."""
    category = {"id": "guitar", "name": "Guitar", "description": "The instrument."}
    term = {"id": "capo", "category": "guitar", "canonical": "capo", "definition": "A clamp."}
    return {"name": "Mine", "version": 1, "language": "en", "categories": [category], "terms": [term], **more}


def put(api: Api, key: Key, version: object, glossary: Any) -> Any:
    """Save a glossary."""
    return api.client.put("/api/glossary", headers={**key, "If-Match": f'"{version}"'}, json=glossary)


def test_the_packaged_glossary_holds_at_first(api: Api, key: Key) -> None:
    answer = api.client.get("/api/glossary", headers=key)
    assert answer.json() == packaged().model_dump(mode="json")
    assert answer.headers["ETag"] == f'"{packaged().version}"'


def test_a_saved_glossary_holds_and_reaches_the_workers(api: Api, key: Key) -> None:
    version = packaged().version
    saved = put(api, key, version, small(version=77))
    assert (saved.status_code, saved.headers["ETag"]) == (200, f'"{version + 1}"')
    assert saved.json()["version"] == version + 1
    assert api.client.get("/api/glossary", headers=key).json() == saved.json()
    assert json.loads((api.services.jobs_dir / NAME).read_text()) == saved.json()
    assert GlossarySource(api.services.jobs_dir).current().glossary.name == "Mine"
    again = put(api, key, version + 1, {key: value for key, value in small().items() if key != "version"})
    assert again.json()["version"] == version + 2


def test_the_second_of_two_changes_is_refused(api: Api, key: Key) -> None:
    version = packaged().version
    assert put(api, key, version, small()).status_code == 200
    late = put(api, key, version, small(name="Late"))
    assert (late.status_code, late.json()["code"], late.headers["ETag"]) == (
        412,
        "version_mismatch",
        f'"{version + 1}"',
    )
    none = api.client.put("/api/glossary", headers=key, json=small())
    assert (none.status_code, none.json()["code"]) == (428, "version_required")
    assert api.client.get("/api/glossary", headers=key).json()["name"] == "Mine"


def test_a_bad_glossary_is_refused_with_every_problem(api: Api, key: Key) -> None:
    terms = [{**small()["terms"][0], "category": "none"}, {"id": "X!"}, {**small()["terms"][0]}]
    answer = put(api, key, packaged().version, small(terms=terms))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_glossary")
    problems = "\n".join(answer.json()["problems"])
    assert "no category none" in problems and "X!" in problems and "the id is there twice" in problems
    assert not (api.services.jobs_dir / NAME).exists()


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b"{}", b"{", b""])
def test_what_is_no_glossary_is_refused(api: Api, key: Key, body: bytes) -> None:
    headers = {**key, "If-Match": "1", "Content-Type": "application/json"}
    answer = api.client.put("/api/glossary", headers=headers, content=body)
    assert answer.status_code == 422 and answer.json()["code"] in {"bad_glossary", "bad_json"}


def test_only_json_is_taken(api: Api, key: Key) -> None:
    answer = api.client.put("/api/glossary", headers={**key, "If-Match": "1"}, content=b"name: Mine\n")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
