"""Sign-in with a key, which stays in the tab; what a key may not do is not offered."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.workers.api.page.chromium import Complaints
from tests.workers.api.page.conftest import Visit
from tests.workers.api.page.site import Site

pytestmark = pytest.mark.xdist_group("chromium")


def test_a_key_opens_the_lessons_and_survives_a_reload_but_not_the_sign_out(
    visit: Visit, api: Site, tenant: str
) -> None:
    page = visit(signed_in=False)
    expect(page).to_have_title("Sign in – Thoth")
    key = page.get_by_label("API key", exact=True)
    expect(key).to_be_focused()
    key.fill(f"  {api.key(tenant)} ")
    key.press("Enter")
    expect(page.get_by_role("heading", name="Lessons")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Lessons")).to_be_visible()
    page.get_by_label("Account").click()
    expect(page.locator(".menu-note")).to_contain_text(tenant)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Thoth")).to_be_visible()
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage])").count("thoth_") == 0
    page.reload()
    expect(page.get_by_role("heading", name="Sign in to Thoth")).to_be_visible()


def test_a_wrong_key_is_refused_with_a_reason(visit: Visit, complaints: Complaints) -> None:
    complaints.expected.append("401")
    page = visit(signed_in=False)
    key = page.get_by_label("API key", exact=True)
    key.fill("thoth_aaaaaaaaaaaaaaaaaaaaaaaa")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This key is not known, or it is no longer valid.")
    expect(key).to_be_focused()
    expect(key).to_have_attribute("aria-invalid", "true")


def test_the_key_is_hidden_until_it_is_asked_for(visit: Visit) -> None:
    page = visit(signed_in=False)
    key = page.get_by_label("API key", exact=True)
    expect(key).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show the key").click()
    expect(key).to_have_attribute("type", "text")


def test_a_key_that_no_longer_holds_leads_back_to_the_sign_in(visit: Visit, complaints: Complaints) -> None:
    complaints.expected.append("401")
    page = visit(key="thoth_bbbbbbbbbbbbbbbbbbbbbbbb")
    expect(page.get_by_role("alert")).to_contain_text("Your key is no longer accepted")


def test_a_server_that_is_away_is_told_of_and_asked_again(visit: Visit, complaints: Complaints) -> None:
    complaints.expected.append("ERR_")
    page = visit(signed_in=False)
    page.route("**/api/me", lambda route: route.abort())
    page.get_by_label("API key", exact=True).fill("thoth_cccccccccccccccccccccccc")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The server can't be reached. Check the connection and try again.")


def test_a_key_that_only_reads_is_offered_no_changes(visit: Visit, api: Site, tenant: str) -> None:
    job_id = api.lesson(tenant)
    page = visit(key=api.key(tenant, "jobs:read", "glossary:read"))
    expect(page.get_by_role("list", name="Lessons")).to_be_visible()
    expect(page.get_by_text("Add recordings")).to_be_hidden()
    assert page.get_by_label("Actions for").count() == 0
    page.goto(f"/#/lessons/{job_id}")
    expect(page.locator("mark.term").first).to_be_visible()
    assert page.locator(".correct").count() == 0
    page.goto("/#/glossary")
    expect(page.locator(".entry[data-term]").first).to_be_visible()
    assert page.get_by_role("button", name="Add term").count() == 0


def test_a_key_without_the_glossary_is_told_so(visit: Visit, api: Site, tenant: str) -> None:
    page = visit("#/glossary", key=api.key(tenant, "jobs:read"))
    expect(page.get_by_text("It needs the scope glossary:read.")).to_be_visible()
