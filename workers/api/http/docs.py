"""``/docs``: the OpenAPI document as a page, without scripts and without other hosts."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, Final

STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
details { border: 1px solid #8888; border-radius: .5rem; margin: .5rem 0; padding: .5rem 1rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
code, pre { font: .9em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .25rem .5rem .25rem 0; text-align: left; vertical-align: top; }
.method { display: inline-block; font-weight: 700; min-width: 4.5rem; }
"""

_METHODS = ("get", "post", "put", "delete")


def page(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    title = escape(document["info"]["title"])
    body = "\n".join([*_operations(document), *_schemas(document)])
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/style.css"></head>
<body><main>
<h1>{title} {escape(document["info"]["version"])}</h1>
<p>{escape(document["info"]["description"])}</p>
<p>For programs: <a href="/openapi.json">openapi.json</a></p>
{body}
</main></body></html>
"""


def _operations(document: dict[str, Any]) -> Iterator[str]:
    tag = None
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if operation := methods.get(method):
                if operation["tags"][0] != tag:
                    tag = operation["tags"][0]
                    yield f"<h2>{escape(tag.capitalize())}</h2>"
                yield _operation(method, path, operation)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        (
            f"<code>{escape(each['name'])}</code> ({each['in']})",
            escape(each.get("description") or _kind(each["schema"])),
        )
        for each in operation.get("parameters", ())
    ]
    rows += [("body", text) for text in _contents(operation.get("requestBody", {}))]
    rows += [(status, _answer(answer)) for status, answer in operation["responses"].items()]
    scopes = [scope for entry in operation.get("security", ()) for scope in entry.get("key", ())]
    needs = f"<p>Scope: <code>{escape(', '.join(sorted(set(scopes))))}</code></p>" if scopes else ""
    table = "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in rows)
    return (
        f'<details><summary><span class="method">{method.upper()}</span> <code>{escape(path)}</code> '
        f"{escape(operation.get('description', ''))}</summary>{needs}<table>{table}</table></details>"
    )


def _answer(answer: dict[str, Any]) -> str:
    return " ".join([escape(answer.get("description", "")), *_contents(answer)])


def _contents(holder: dict[str, Any]) -> Iterator[str]:
    for media_type, content in holder.get("content", {}).items():
        # Streams are described by their items.
        schema = content.get("schema") or content.get("itemSchema", {})
        yield f"<code>{escape(media_type)}</code> {_kind(schema)}"


def _kind(schema: dict[str, Any]) -> str:
    """Return a schema in a word, a named one with a link to it."""
    if name := schema.get("$ref", "").rpartition("/")[2]:
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_kind(option) for option in options)
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    return escape(" ".join(filter(None, [schema.get("type", "anything"), schema.get("pattern", "")])))


def _schemas(document: dict[str, Any]) -> Iterator[str]:
    yield "<h2>What is sent and answered</h2>"
    for name, schema in sorted(document["components"]["schemas"].items()):
        rows = "".join(_property(key, value) for key, value in schema.get("properties", {}).items())
        summary = f"<summary><code>{escape(name)}</code> {escape(schema.get('description', ''))}</summary>"
        yield f'<details id="{escape(name)}">{summary}<table>{rows}</table></details>'


def _property(name: str, schema: dict[str, Any]) -> str:
    about = escape(schema.get("description", ""))
    return f"<tr><th><code>{escape(name)}</code></th><td>{_kind(schema)}</td><td>{about}</td></tr>"
