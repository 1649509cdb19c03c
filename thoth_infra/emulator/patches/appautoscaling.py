"""Application Auto Scaling: tags of scalable targets."""

from __future__ import annotations

import json
from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as Response

from thoth_infra.emulator.patches.registry import action, kept_on, lacks, patch, wrap


def _tags(response: Any) -> dict[Any, Any]:
    return kept_on(response.applicationautoscaling_backend, "tags")


@patch(
    "applicationautoscaling",
    needed=lacks(Response, "list_tags_for_resource", "tag_resource", "untag_resource"),
)
def target_tags() -> None:
    """moto knows no tags of scalable targets; the provider asks for them at every refresh."""

    @action(Response)
    def list_tags_for_resource(self: Any) -> str:
        return json.dumps({"Tags": _tags(self).get(self._get_param("ResourceARN"), {})})

    @action(Response)
    def tag_resource(self: Any) -> str:
        _tags(self).setdefault(self._get_param("ResourceARN"), {}).update(self._get_param("Tags"))
        return "{}"

    @action(Response)
    def untag_resource(self: Any) -> str:
        for key in self._get_param("TagKeys"):
            _tags(self).get(self._get_param("ResourceARN"), {}).pop(key, None)
        return "{}"

    @wrap(Response, "register_scalable_target")
    def register_scalable_target(original: Any, self: Any) -> Any:
        answer = original(self)
        if tags := self._get_param("Tags"):
            _tags(self)[json.loads(answer)["ScalableTargetARN"]] = dict(tags)
        return answer
