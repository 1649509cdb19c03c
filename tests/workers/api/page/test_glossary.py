"""The glossary editor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import delete

from tests.workers.api.page.chromium import Complaints
from tests.workers.api.page.conftest import Visit
from tests.workers.api.page.site import Site
from workers.api.store import glossary
from workers.api.store.models import GlossaryVersion
from workers.music_terms.files import packaged

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.slow]


@pytest.fixture
def page(visit: Visit, api: Site) -> Iterator[Page]:
    """The packaged glossary, open; there is one for all tests, so what a test saves goes with it."""
    shown = visit("#/glossary")
    expect(shown.locator(".entry[data-term]").first).to_be_visible()
    yield shown
    with api.database.write() as session:
        session.execute(delete(GlossaryVersion))


def entry(page: Page, name: str) -> Locator:
    """Return a term's row."""
    return page.get_by_role("list", name="Terms").get_by_role("listitem").filter(has=page.get_by_text(name, exact=True))


def find(page: Page, text: str) -> None:
    """Search."""
    page.get_by_role("searchbox", name="Search in the glossary").fill(text)


def save(page: Page) -> None:
    """Save what was changed."""
    page.get_by_role("region", name="Unsaved changes").get_by_role("button", name="Save").click()


def test_terms_are_found_by_name_variant_meaning_and_category(page: Page) -> None:
    find(page, "dobro")
    expect(entry(page, "resonator guitar")).to_be_visible()
    expect(page.get_by_text("1 term found")).to_be_visible()
    find(page, "")
    page.get_by_label("Category", exact=True).select_option(label="Gear")
    expect(entry(page, "capo")).to_be_visible()
    expect(entry(page, "acoustic guitar")).to_be_hidden()
    find(page, "no such thing")
    expect(page.get_by_text("No name and no definition has these words.")).to_be_visible()


def test_a_long_glossary_comes_in_portions(page: Page) -> None:
    shown = page.locator(".entry[data-term]").count()
    assert shown < len(packaged().terms)
    page.get_by_role("button", name="Show 240 more terms").click()
    expect(page.locator(".entry[data-term]")).to_have_count(shown + 240)
    expect(page.locator(".entry[data-term]").nth(shown).get_by_role("button")).to_be_focused()


def test_a_term_is_added_and_there_after_a_reload_and_in_the_api(page: Page, api: Site) -> None:
    page.get_by_role("button", name="Add term").click()
    dialog = page.get_by_role("dialog", name="Add a term")
    dialog.get_by_label("Term").fill("Nashville tuning")
    dialog.get_by_label("Category").select_option(label="Guitar")
    dialog.get_by_label("Also said as").fill("high strung tuning\n\nhigh strung tuning\n")
    dialog.get_by_label("What it means").fill("The lower strings are an octave higher.")
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text("1 change not saved")).to_be_visible()
    save(page)
    expect(page.get_by_text("The glossary is saved.")).to_be_visible()
    expect(page.get_by_role("region", name="Unsaved changes")).to_be_hidden()
    page.reload()
    find(page, "Nashville")
    expect(entry(page, "Nashville tuning")).to_contain_text("Also: high strung tuning")
    with api.database.read() as session:
        (term,) = [term for term in glossary.current(session).terms if term.id == "nashville-tuning"]
    assert term.variants == ("high strung tuning",)


def test_a_term_is_changed_and_removed(page: Page, api: Site) -> None:
    find(page, "capo")
    entry(page, "capo").get_by_role("button").click()
    dialog = page.get_by_role("dialog", name="Edit the term")
    expect(dialog.get_by_label("Term")).to_have_value("capo")
    dialog.get_by_label("What it means").fill("A clamp.")
    dialog.get_by_role("button", name="Done").click()
    expect(entry(page, "capo")).to_contain_text("not saved")
    expect(entry(page, "capo").get_by_role("button")).to_be_focused()
    find(page, "dobro")
    entry(page, "resonator guitar").get_by_role("button").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("2 changes not saved")).to_be_visible()
    save(page)
    expect(page.get_by_role("region", name="Unsaved changes")).to_be_hidden()
    with api.database.read() as session:
        terms = {term.id: term for term in glossary.current(session).terms}
    assert terms["capo"].definition == "A clamp."
    assert "resonator-guitar" not in terms
    assert len(terms) == len(packaged().terms) - 1


def test_what_the_server_refuses_is_told_with_every_reason(page: Page, complaints: Complaints) -> None:
    complaints.expected.append("422")
    page.get_by_role("button", name="Add term").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Term").fill("dobro")
    dialog.get_by_label("What it means").fill("It is there already.")
    dialog.get_by_role("button", name="Done").click()
    save(page)
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("The glossary is not saved")
    expect(problem.get_by_role("listitem")).to_contain_text("belongs to term resonator-guitar too")
    expect(page.get_by_text("1 change not saved")).to_be_visible()


def test_changes_are_discarded_after_a_question(page: Page) -> None:
    find(page, "capo")
    entry(page, "capo").get_by_role("button").click()
    page.get_by_role("button", name="Remove").click()
    expect(entry(page, "capo")).to_be_hidden()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(entry(page, "capo")).to_be_visible()


def test_of_two_who_edit_at_once_neither_loses_anything(page: Page, visit: Visit, complaints: Complaints) -> None:
    complaints.expected.append("412")
    other = visit("#/glossary")
    for each, name in ((page, "capo"), (other, "metronome")):
        find(each, name)
        entry(each, name).get_by_role("button").click()
        each.get_by_label("What it means").fill(f"A {name}, in short.")
        each.get_by_role("button", name="Done").click()
    save(other)
    expect(other.get_by_role("region", name="Unsaved changes")).to_be_hidden()
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("Somebody saved another version meanwhile")
    save(page)
    expect(page.get_by_role("region", name="Unsaved changes")).to_be_hidden()
    page.reload()
    for name in ("capo", "metronome"):
        find(page, name)
        expect(entry(page, name)).to_contain_text(f"A {name}, in short.")


def test_categories_are_edited_and_only_empty_ones_removed(page: Page, api: Site) -> None:
    page.get_by_role("heading", name="Categories").click()
    page.get_by_role("button", name="Add category").click()
    dialog = page.get_by_role("dialog", name="Add a category")
    dialog.get_by_label("Name").fill("Brass")
    dialog.get_by_label("What belongs to it").fill("Trumpets and the like.")
    dialog.get_by_role("button", name="Done").click()
    page.locator(".category-list").get_by_role("button", name="Gear").click()
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)
    page.get_by_label("Name").fill("Equipment")
    page.get_by_role("button", name="Done").click()
    save(page)
    expect(page.get_by_role("region", name="Unsaved changes")).to_be_hidden()
    with api.database.read() as session:
        names = [category.name for category in glossary.current(session).categories]
    assert names[-1] == "Brass"
    assert "Equipment" in names
    page.locator(".category-list").get_by_role("button", name="Brass").click()
    expect(page.get_by_role("button", name="Remove")).to_be_visible()


def test_leaving_with_changes_is_asked_about(page: Page) -> None:
    find(page, "capo")
    entry(page, "capo").get_by_role("button").click()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("link", name="Lessons", exact=True).click()
    page.get_by_role("dialog", name="Leave without saving?").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("1 change not saved")).to_be_visible()
    assert page.url.endswith("#/glossary")
