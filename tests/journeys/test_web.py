"""The web page of a running daemon in a real browser, with the emulator behind it."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from photosync.domain.media import SourceKind
from photosync.files.heads import FIRST_BYTES, MOST_BYTES
from photosync.files.samples import make_broken, make_samples
from photosync.store.database import Database
from photosync.store.sources import Sources
from tests.files.pictures import heic_with_thumbnail
from tests.journeys.chromium import chromium
from tests.journeys.conftest import jpeg, wait_for
from tests.store.crowd import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page, Route

    from tests.journeys.conftest import Daemon, World
    from tests.lab.lab import AdbHost, LabPhone

pytestmark = pytest.mark.journey

AXE = Path(__file__).parents[1] / "web/axe/axe.min.js"
PATIENCE = 120_000
SERIOUS = ("serious", "critical")
EVIL = "<img src=x onerror=document.title='stolen'>.jpg"
PHONE_SIZED = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as page:
        assert page.context.browser is not None
        yield page.context.browser


@contextmanager
def window(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """A page that asks nobody but us for anything, and complains of nothing."""
    context = browser.new_context(base_url=address, **options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on(
        "request",
        lambda one: None if one.url.startswith(address) else wrong.append(f"asked for {one.url}"),
    )
    try:
        yield page
        assert wrong == []
    finally:
        context.close()


@contextmanager
def served(world: World) -> Iterator[tuple[Daemon, str]]:
    """A daemon with its page: where that is."""
    world.variables |= {"PHOTOSYNC_WEB__ENABLED": "true", "PHOTOSYNC_WEB__PORT": "0"}
    with world.daemon() as daemon:
        found: list[str] = []

        def is_there() -> bool:
            found[:] = [world.json("web")["address"] or ""]
            return bool(found[0])

        wait_for(is_there, daemon)
        yield daemon, found[0]


def sign_in_by_clicks(page: Page, world: World) -> None:
    """From the overview that asks for it on, until the browser is told that it is done."""
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Continue at Google").click()
    page.wait_for_url(f"{world.emulator.url}/**")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("photosync is signed in").wait_for()


def until(page: Page, expression: str) -> None:
    """Until a script is true; Playwright's own way needs what our pages forbid."""
    from playwright.sync_api import Error

    def holds() -> bool:
        try:
            return bool(page.evaluate(expression))
        except Error as error:
            if "context was destroyed" not in error.message:
                raise
            return False  # another page came meanwhile

    wait_for(holds)


def laid_out(page: Page, count: str) -> None:
    """Until the script has kept room for all of them."""
    page.get_by_text(count, exact=True).wait_for()
    page.locator("#grid.placed").wait_for()


def states(world: World) -> dict[str, str]:
    return {one["path"]: one["state"] for one in world.json("list")["items"]}


def test_an_upload_is_seen_to_finish_and_the_page_is_never_loaded_anew(
    world: World, browser: Browser
) -> None:
    make_samples(world.pictures, 12)
    world.run("pause")
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["total"] == 12, daemon)
        page.goto("/")
        page.evaluate("window.isStillThis = true")
        page.get_by_role("heading", name="Paused").wait_for()
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("heading", name="Everything is in the library").wait_for()
        page.get_by_role("link", name="12 in the library").wait_for()
        page.get_by_role("button", name="Pause").wait_for()
        (world.pictures / "one more.jpg").write_bytes(jpeg(1))
        page.get_by_role("link", name="13 in the library").wait_for()
        until(page, "document.title === 'Everything is in the library · photosync'")
        assert page.evaluate("window.isStillThis")


def tile(page: Page, name: str) -> Any:
    return page.locator(".tile", has=page.locator(f'img[alt^="{name},"]'))


def hand_picked(world: World) -> None:
    world.configure(more='[select]\nmode = "manual"\n')
    for number in range(8):
        file = world.put(f"{number}.jpg", jpeg(number))
        os.utime(file, (1_700_000_000 - number, 1_700_000_000 - number))


def test_held_photos_are_selected_and_backed_up(world: World, browser: Browser) -> None:
    hand_picked(world)
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["held"] == 8, daemon)
        page.goto("/photos?state=held")
        laid_out(page, "8 photos and videos")
        tile(page, "1.jpg").locator("label").click()
        tile(page, "4.jpg").locator("label").click(modifiers=["Shift"])
        tile(page, "7.jpg").locator("label").click()
        tile(page, "3.jpg").locator("a").click()  # a click on the picture, while some are picked
        page.get_by_text("4 selected").wait_for()
        page.get_by_role("button", name="Back up").click()
        page.get_by_text("4 photos and videos are to be backed up.").wait_for()
        for name in ("1.jpg", "2.jpg", "4.jpg", "7.jpg"):
            page.locator(f'.tile[data-state="done"] img[alt="{name}, In the library"]').wait_for()
        assert page.locator('.tile[data-state="held"]').count() == 4
        page.get_by_role("link", name="In the library 4").wait_for()  # the numbers follow
        page.get_by_role("link", name="Waits for you 4").wait_for()
        assert world.holds(*map(jpeg, (1, 2, 4, 7)))
        assert len(world.library()) == 4


def test_what_is_clicked_while_a_range_is_asked_about_counts_after_it(
    world: World, browser: Browser
) -> None:
    hand_picked(world)
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["held"] == 8, daemon)
        page.goto("/photos?state=held")
        laid_out(page, "8 photos and videos")
        asked: list[Route] = []

        def keep_the_first(route: Route) -> None:
            if asked:
                route.continue_()
            else:
                asked.append(route)

        page.route("**/photos/tiles?*", keep_the_first)
        tile(page, "1.jpg").locator("label").click()
        tile(page, "4.jpg").locator("label").click(modifiers=["Shift"])
        tile(page, "7.jpg").locator("label").click()
        tile(page, "3.jpg").locator("label").click()
        tile(page, "3.jpg").locator("label").click()  # on the way to both: on, off again
        page.get_by_role("button", name="Back up").click()
        page.get_by_text("1 selected").wait_for()
        while not asked:
            page.wait_for_timeout(10)
        assert world.json("status")["items"]["held"] == 8
        asked[0].continue_()
        page.get_by_text("4 photos and videos are to be backed up.").wait_for()
        wait_for(lambda: world.json("status")["items"]["done"] == 4, daemon)
        assert world.holds(*map(jpeg, (1, 2, 4, 7)))


def test_what_became_of_a_photo_before_its_page_listened_is_shown(
    world: World, browser: Browser
) -> None:
    hand_picked(world)
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["held"] == 8, daemon)
        asks: list[Route] = []
        page.route("**/events*", lambda one: asks.append(one))  # noqa: PLW0108 - it wants a function
        page.goto("/photos?state=held")
        laid_out(page, "8 photos and videos")
        assert world.run("choose", "1").returncode == 0
        wait_for(lambda: world.json("status")["items"]["done"] == 1, daemon)
        while not asks:
            page.wait_for_timeout(10)
        (one,) = asks
        one.continue_()
        page.locator('.tile[data-id="1"][data-state="done"]').wait_for()


def test_a_day_and_all_of_a_filter_are_selected(world: World, browser: Browser) -> None:
    hand_picked(world)
    world.put("other day.jpg", jpeg(9))
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["held"] == 9, daemon)
        page.goto("/photos")
        laid_out(page, "9 photos and videos")
        section = page.locator('.day[data-day="2023-11-14"]')
        section.get_by_role("button", name="Select the whole day").click()
        page.get_by_text("8 selected").wait_for()
        page.get_by_role("button", name="Leave out").click()
        page.get_by_text("8 photos and videos are left out.").wait_for()
        wait_for(lambda: world.json("status")["items"]["skipped"] == 8, daemon)
        page.goto("/photos?state=skipped")
        laid_out(page, "8 photos and videos")
        tile(page, "0.jpg").locator("label").click()
        page.locator("input[name=all]").check()
        page.get_by_role("button", name="Back up", exact=True).click()
        page.get_by_role("dialog").get_by_text("Back up 8 photos and videos?").wait_for()
        page.get_by_role("dialog").get_by_role("button", name="Back up").click()
        wait_for(lambda: world.json("status")["items"]["done"] == 8, daemon)
        assert world.json("status")["items"]["held"] == 1


def test_what_failed_is_tried_again_by_a_click(world: World, browser: Browser) -> None:
    world.emulator.faults.add(
        {"fault": "item-code", "on": "batchCreate", "item": "a.jpg", "code": 3, "times": 99}
    )
    world.put("a.jpg", jpeg(1))
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["failed"] == 1, daemon)
        world.emulator.faults.clear()
        page.goto("/")
        page.get_by_role("link", name="Look").click()
        page.wait_for_url("**/photos?state=failed")
        page.locator(".tile a").click()
        page.get_by_role("heading", name="a.jpg").wait_for()
        page.get_by_role("button", name="Try again").click()
        page.get_by_text("1 photo or video is to be tried again.").wait_for()
        page.goto("/")
        page.get_by_role("heading", name="Everything is in the library").wait_for()
        assert world.holds(jpeg(1))


def test_filters_and_the_details_of_one(world: World, browser: Browser) -> None:
    make_samples(world.pictures / "Camera", 11)
    make_samples(world.pictures / "Other", 2, seed=5)
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["done"] == 13, daemon)
        page.goto("/photos")
        laid_out(page, "13 photos and videos")
        page.get_by_label("Type").select_option(label="videos (1)")
        laid_out(page, "1 photo or video")
        page.get_by_role("link", name="Show all").click()
        laid_out(page, "13 photos and videos")
        page.get_by_label("From").select_option(label="Pictures (13)")
        page.get_by_label("Folder").select_option(label="Other (2)")
        laid_out(page, "2 photos and videos")
        page.locator(".tile a").first.click()
        page.get_by_role("link", name="Older", exact=True).wait_for()
        picture = page.locator(".stage img")
        until(page, "document.querySelector('.stage img')?.naturalWidth > 100")
        original = picture.locator("xpath=..").get_attribute("href")
        assert original is not None
        with urllib.request.urlopen(f"{address.rstrip('/')}{original}") as answer:
            contents = {one.read_bytes() for one in (world.pictures / "Other").iterdir()}
            assert answer.read() in contents
        assert page.get_by_role("link", name="In Google Photos").get_attribute("href") is not None
        page.wait_for_load_state()  # its script hears the keys
        page.keyboard.press("ArrowRight")
        page.get_by_role("link", name="Newer", exact=True).wait_for()
        page.wait_for_load_state()
        assert page.get_by_role("link", name="Older", exact=True).count() == 0
        page.keyboard.press("Escape")
        laid_out(page, "2 photos and videos")
        page.goto("/photos?type=video")
        page.locator(".tile a").click()
        until(page, "document.querySelector('video')?.readyState >= 1")


# Back again


def test_a_phone_gets_its_photos_back_by_a_few_clicks(
    world: World, host: AdbHost, phone: LabPhone, browser: Browser
) -> None:
    world.configure(
        phone=f"adb_port = {host.port}",
        more=f'[mirror]\npath = "{world.home}/mirror"\nmin_free = 0\n'
        f'[web]\nrestore_to = "{world.home}/restored"\n',
    )
    camera = phone.storage / "DCIM/Camera"
    camera.mkdir(parents=True, exist_ok=True)
    for number in range(4):
        (camera / f"{number}.jpg").write_bytes(jpeg(number))
        os.utime(camera / f"{number}.jpg", (1_700_000_000 - number, 1_700_000_000 - number))
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["done"] == 4, daemon)
        for number in (1, 2):
            (camera / f"{number}.jpg").unlink()
        page.goto("/photos")
        laid_out(page, "4 photos and videos")
        tile(page, "1.jpg").locator("label").click()
        tile(page, "3.jpg").locator("label").click(modifiers=["Shift"])
        page.get_by_text("3 selected").wait_for()
        page.get_by_role("button", name="Restore").click()
        page.get_by_role("heading", name="Put 3 photos and videos back").wait_for()
        page.get_by_label("Lab Pixel Lab").check()
        (camera / "3.jpg").write_bytes(b"somebody else's")
        page.get_by_role("button", name="Put back").click()
        page.get_by_role("heading", name="Put back").wait_for()
        page.evaluate("window.isStillThis = true")
        page.get_by_text(
            "2 photos and videos are there now. 1 photo or video could not be put there."
        ).wait_for()
        assert page.evaluate("window.isStillThis")
        page.get_by_text("Another file lies at").wait_for()
        assert (camera / "1.jpg").read_bytes() == jpeg(1)
        assert (camera / "2.jpg").stat().st_mtime == 1_700_000_000 - 2
        assert (camera / "3.jpg").read_bytes() == b"somebody else's"
        page.get_by_role("button", name="Dismiss").click()
        page.get_by_role("heading", name="Put back").wait_for(state="detached")


def test_what_was_asked_back_goes_on_after_a_restart_and_without_a_script(
    world: World, browser: Browser
) -> None:
    disk = world.home / "disk"
    restored = disk / "restored"
    world.configure(more=f'[web]\nrestore_to = "{restored}"\n')
    for number in range(3):
        world.put(f"{number}.jpg", jpeg(number))
    disk.write_text("in the way")
    with (
        served(world) as (daemon, address),
        window(browser, address, java_script_enabled=False) as page,
    ):
        wait_for(lambda: world.json("status")["items"]["done"] == 3, daemon)
        page.goto("/photos")
        page.locator("input[name=all]").check()
        page.get_by_role("button", name="Restore").click()
        page.get_by_label(str(restored)).check()
        page.get_by_role("button", name="Put back").click()
        page.get_by_text("3 photos and videos are put back now.").wait_for()
        wait_for(lambda: page.reload() and page.get_by_role("button", name="Try now").count())
        page.get_by_text("It goes on by itself").wait_for()
    disk.unlink()
    with served(world) as (daemon, address), window(browser, address) as page:
        page.goto("/")
        page.evaluate(HURRY)
        page.get_by_text("3 photos and videos are there now.").wait_for()
        assert {one.name for one in (restored / "Pictures").iterdir()} == {
            "0.jpg",
            "1.jpg",
            "2.jpg",
        }
        del daemon


HURRY = """
    [...document.querySelectorAll("button")]
        .find((one) => one.textContent.includes("Try now"))?.click()
"""
"""At once: it may go on by itself, and the button with that, while somebody looks for it."""


def test_a_sign_in_that_was_lost_is_given_anew_by_clicks(world: World, browser: Browser) -> None:
    (world.home / "client_secret.json").write_text(json.dumps(world.emulator.client_secret()))
    world.put("a.jpg", jpeg(1))
    with served(world) as (daemon, address):
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        world.emulator.revoke_all()
        world.put("b.jpg", jpeg(2))
        context = browser.new_context(base_url=address)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto("/")
        sign_in_by_clicks(page, world)
        page.get_by_role("link", name="Back to photosync").click()
        page.get_by_role("heading", name="Everything is in the library").wait_for()
        assert page.url == address
        context.close()
        wait_for(lambda: world.holds(jpeg(2)), daemon)
        assert world.json("auth", "--check")["signed_in"]


# A hundred thousand


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    from photosync.emulator.server import Emulator
    from tests.journeys.conftest import World

    folder = tmp_path_factory.mktemp("crowd")
    with Emulator(folder / "google") as emulator:
        world = World(folder / "home", emulator)
        world.put("new.jpg", jpeg(1))
        with Database(world.state) as database:
            database.migrate()
            sources = Sources(database)
            here, there = (
                sources.register(SourceKind.FOLDER, str(one), label=one.name, album="").id
                for one in (world.pictures, world.home / "Gone")
            )
            with database.write() as connection:
                fill(connection, here, there)
        yield world


def milliseconds(address: str, path: str) -> float:
    """The quickest of some: what it takes, not what disturbs it."""
    taken = []
    for _ in range(10):
        began = time.perf_counter()
        with urllib.request.urlopen(address.rstrip("/") + path) as answer:
            answer.read()
        taken.append((time.perf_counter() - began) * 1000)
    return min(taken)


def test_a_hundred_thousand_are_shown_at_once_and_scrolled_to_their_end(
    crowd: World, browser: Browser
) -> None:
    with served(crowd) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: crowd.json("status")["items"]["total"] == 100_001, daemon)
        first = milliseconds(address, "/photos")
        middle = milliseconds(address, "/photos?state=held&type=photo&after=1500000000.1")
        overview = milliseconds(address, "/")
        folders = milliseconds(address, "/folders")
        source = milliseconds(address, "/photos?source=1")
        print(f"first page {first:.0f} ms, filtered {middle:.0f} ms, overview {overview:.0f} ms")
        print(f"folders {folders:.0f} ms, photos of one source {source:.0f} ms")
        pages = (first, middle, overview, folders, source)
        assert max(pages) < 1000  # a page of all of them would take seconds
        page.goto("/photos")
        laid_out(page, "100,001 photos and videos")
        began = time.perf_counter()
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.locator('.tile[data-id="1"]').wait_for()
        print(f"the end in {(time.perf_counter() - began) * 1000:.0f} ms")
        for part in (0.75, 0.5, 0.25, 0.1):
            page.evaluate(f"scrollTo(0, document.documentElement.scrollHeight * {part})")
            until(page, IN_SIGHT)
            assert page.locator(".tile").count() < 1500
        page.evaluate("scrollTo(0, 0)")
        tile(page, "new.jpg").wait_for()
        assert page.locator(".day").count() < 200


IN_SIGHT = """
    document.elementsFromPoint(innerWidth / 3, innerHeight / 2)
        .some((one) => one.closest(".tile, .day > h2"))
"""


def test_scrolling_never_stalls(crowd: World, browser: Browser) -> None:
    with served(crowd) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: crowd.json("status")["items"]["total"] == 100_001, daemon)
        page.goto("/photos")
        laid_out(page, "100,001 photos and videos")
        meter = page.context.new_cdp_session(page)
        meter.send(
            "Performance.enable", {"timeDomain": "threadTicks"}
        )  # its own, whoever else works
        before = spent(meter)
        frames = sorted(page.evaluate(SCROLL))
        ours = (spent(meter) - before) * 1000 / len(frames)
        print(
            f"each frame: {ours:.1f} ms of script and layout, {frames[len(frames) // 2]:.0f} in all"
        )
        assert ours < 40  # all tiles laid out anew would take more


def spent(meter: Any) -> float:
    """Seconds that the page took for what is ours: its script, and where everything is put."""
    told = {one["name"]: one["value"] for one in meter.send("Performance.getMetrics")["metrics"]}
    return sum(
        float(told[name]) for name in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
    )


SCROLL = """() => new Promise((done) => {
    const frames = [];
    let last = performance.now(), left = 120;
    const step = (now) => {
        frames.push(now - last);
        last = now;
        scrollBy(0, 400);
        left -= 1;
        if (left) requestAnimationFrame(step); else done(frames);
    };
    requestAnimationFrame(step);
})"""


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_page_that_is_left_open_costs_nothing(crowd: World, browser: Browser) -> None:
    with served(crowd) as (daemon, address):
        wait_for(lambda: crowd.json("status")["items"]["total"] == 100_001, daemon)
        with urllib.request.urlopen(address) as answer:  # the pages are loaded
            answer.read()
        alone = used_in(daemon, 6.0)
        with window(browser, address) as page:
            page.goto("/photos")
            laid_out(page, "100,001 photos and videos")
            with_page = used_in(daemon, 6.0)
            for _ in range(5):  # something that it loads may come late
                if with_page - alone >= 0.1:
                    with_page = used_in(daemon, 6.0)
        print(f"CPU: {alone * 100:.2f} % alone, {with_page * 100:.2f} % with a page")
        assert with_page - alone < 0.1


def used_in(daemon: Daemon, seconds: float) -> float:
    before, began = cpu_seconds(daemon.process.pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(daemon.process.pid) - before) / (time.monotonic() - began)


# For everybody


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with some of everything on it."""
    from photosync.emulator.server import Emulator
    from tests.journeys.conftest import World

    folder = tmp_path_factory.mktemp("full")
    with Emulator(folder / "google") as emulator:
        world = World(folder / "home", emulator)
        make_samples(world.pictures / "Camera", 30)
        make_broken(world.pictures / "broken")
        world.put(EVIL, jpeg(1))
        with served(world) as (daemon, address):
            wait_for(lambda: world.json("status")["items"]["done"] == 31, daemon)
            yield address


PAGES = (
    "/",
    "/photos",
    "/photos?state=failed",
    "/photos/1",
    "/photos/10",
    "/folders",
    "/settings",
    "/signin",
    "/restore/where",
    "/none",
)
STILL: dict[str, Any] = {"reduced_motion": "reduce"}
"""What a page looks like is judged once nothing of it moves any more."""
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 860}, **STILL},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark", **STILL},
    "phone": {"viewport": PHONE_SIZED, "has_touch": True, "is_mobile": True, **STILL},
}


def is_too_wide(page: Page, look: str) -> bool:
    """Whether it reaches beyond the screen: on a phone the window itself grows with it."""
    screen: int = LOOKS[look]["viewport"]["width"]
    wide: int = page.evaluate("document.documentElement.scrollWidth")
    return wide > screen


def stand_still(page: Page) -> None:
    """Until everything is where it stays."""
    page.wait_for_load_state()
    if page.locator("#grid .tile").count():
        page.locator("#grid.placed").wait_for()
    until(page, "[...document.images].every((one) => one.complete || one.loading === 'lazy')")


def visit(page: Page, path: str) -> None:
    """Go there; where to put things back is asked after a click."""
    if path != "/restore/where":
        page.goto(path)
        return
    page.goto("/photos/1")
    page.get_by_role("button", name="Restore").click()
    page.get_by_text("Where to?").wait_for()
    page.wait_for_load_state()


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_serious_stands_in_anybodys_way(full: str, browser: Browser, look: str) -> None:
    axe = AXE.read_text("utf-8")
    found = []
    context = browser.new_context(base_url=full, **LOOKS[look])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    for path in PAGES:
        visit(page, path)
        stand_still(page)
        page.evaluate(axe)
        told = page.evaluate("axe.run()")
        found += [
            (
                path,
                one["id"],
                one["nodes"][0]["html"][:200],
                one["nodes"][0]["failureSummary"][:300],
            )
            for one in told["violations"]
            if one["impact"] in SERIOUS
        ]
    context.close()
    assert found == []


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_serious_stands_in_the_way_of_mending(
    world: World, browser: Browser, look: str
) -> None:
    """What is seen when things are wrong: problems, a restore that waits, both kinds of sign-in."""
    (world.home / "client_secret.json").write_text(json.dumps(world.emulator.client_secret()))
    secret = world.home / "secret"
    secret.write_text("correct horse battery")
    secret.chmod(0o600)
    world.variables["PHOTOSYNC_WEB__PASSWORD_FILE"] = str(secret)
    (world.home / "disk").write_text("in the way")
    world.configure(more=f'[web]\nrestore_to = "{world.home}/disk/restored"\n')
    world.put("a.jpg", jpeg(1))
    found: list[Any] = []
    with served(world) as (daemon, address):
        wait_for(lambda: world.json("status")["items"]["done"] == 1, daemon)
        world.emulator.revoke_all()
        world.put("b.jpg", jpeg(2))
        context = browser.new_context(base_url=address, **LOOKS[look])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)

        def judge() -> None:
            stand_still(page)
            page.evaluate(AXE.read_text("utf-8"))
            told = page.evaluate("axe.run()")["violations"]
            found.extend((page.url, one["id"]) for one in told if one["impact"] in SERIOUS)
            found.extend([(page.url, "wide")] * is_too_wide(page, look))

        page.goto("/login")
        judge()
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Sign in").wait_for()
        page.goto("/photos/1")
        page.get_by_role("button", name="Restore").click()
        page.get_by_label(f"{world.home}/disk/restored").check()
        page.get_by_role("button", name="Put back").click()
        page.get_by_role("button", name="Try now").wait_for()
        page.wait_for_load_state()
        judge()
        note, pause = (page.locator(one).bounding_box() for one in (".note", ".controls button"))
        assert note is not None
        assert pause is not None
        assert note["y"] + note["height"] <= pause["y"]  # it lies in its card, not on the note
        page.get_by_role("link", name="Sign in").click()
        page.get_by_role("button", name="Sign in").wait_for()
        page.wait_for_load_state()
        judge()
        page.locator("main").get_by_role("button", name="Sign in").click()
        page.get_by_text("a page that does not load").click()
        judge()
        context.close()
    assert found == []


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_wider_than_a_phone(full: str, browser: Browser, path: str) -> None:
    context = browser.new_context(base_url=full, **LOOKS["phone"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    visit(page, path)
    stand_still(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_SIZED["width"]
    for box in page.locator("nav a").all():
        place = box.bounding_box()
        assert place is not None
        assert place["height"] >= 40
    context.close()


def test_it_is_dark_where_one_likes_it_dark(full: str, browser: Browser) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    shades = []
    for scheme in ("light", "dark"):
        with window(browser, full, color_scheme=scheme) as page:
            page.goto("/photos")
            shades.append(sum(map(int, re.findall(r"\d+", page.evaluate(ground))[:3])))
    assert shades[0] > 650
    assert shades[1] < 120


def test_a_name_that_is_a_tag_is_shown_as_a_name(full: str, browser: Browser) -> None:
    with window(browser, full) as page:
        page.goto("/photos")
        page.locator(f'.tile img[alt^="{EVIL},"]').wait_for()
        page.locator(".tile", has=page.locator(f'img[alt^="{EVIL},"]')).locator("a").click()
        page.get_by_role("heading", name=EVIL).wait_for()
        assert page.title() == f"{EVIL} · photosync"


def test_the_keyboard_leads_everywhere(full: str, browser: Browser) -> None:
    with window(browser, full) as page:
        page.goto("/photos")
        page.locator("#grid.placed").wait_for()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.locator(".tile a").first.focus()
        page.keyboard.press("ArrowRight")
        second = page.locator(".tile a").nth(1).get_attribute("href")
        assert page.evaluate("document.activeElement.getAttribute('href')") == second
        page.locator(".tile input").first.focus()
        page.keyboard.press("Space")
        page.get_by_text("1 selected").wait_for()
        page.keyboard.press("Escape")
        assert page.locator(".tile input:checked").count() == 0


def test_the_focus_stays_though_the_photos_are_laid_out_late(full: str, browser: Browser) -> None:
    with window(browser, full) as page:
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/photos/days?*", hold)
        page.goto("/photos")
        page.locator(".tile input").first.focus()
        while not held:
            page.wait_for_timeout(10)
        held.pop().continue_()
        page.locator(".placed").wait_for()
        page.keyboard.press("Space")
        page.get_by_text("1 selected").wait_for()


def test_everything_can_be_read_and_done_without_a_script(world: World, browser: Browser) -> None:
    for number in range(70):
        world.put(f"{number}.jpg", jpeg(number))
    world.configure(more='[select]\nmode = "manual"\n')
    with (
        served(world) as (daemon, address),
        window(browser, address, java_script_enabled=False) as page,
    ):
        wait_for(lambda: world.json("status")["items"]["held"] == 70, daemon)
        page.goto("/")
        page.get_by_role("link", name=re.compile("70 wait for you")).click()
        page.wait_for_url("**/photos?*")
        assert page.locator(".tile").count() == 60
        page.get_by_role("link", name="Older photos").click()
        page.wait_for_url("**/photos?*after=*")
        assert page.locator(".tile").count() == 10
        page.locator(".tile label").first.click()
        page.get_by_role("button", name="Back up").click()
        page.get_by_text("1 photo or video is to be backed up.").wait_for()
        page.locator("input[name=all]").check()
        page.get_by_role("button", name="Leave out").click()
        page.get_by_role("heading", name=re.compile("Leave 69 photos and videos out")).wait_for()
        page.get_by_role("button", name="Leave out").click()
        page.get_by_text("69 photos and videos are left out.").wait_for()
        wait_for(lambda: world.json("status")["items"]["done"] == 1, daemon)
        page.get_by_role("link", name="Settings").click()
        page.get_by_text("google.daily_requests").wait_for()


# Sources


def test_what_is_chosen_for_a_folder_survives_a_restart(world: World, browser: Browser) -> None:
    world.put("a.jpg", jpeg(1))
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["done"] == 1, daemon)
        page.goto("/folders")
        page.get_by_label("waits for your choice").check()
        page.get_by_role("button", name="As the settings say").wait_for()
        world.put("b.jpg", jpeg(2))
        wait_for(lambda: states(world).get("b.jpg") == "held", daemon)
        page.get_by_role("switch", name="Back up Pictures").click()
        page.get_by_text("It is left out.").wait_for()
        wait_for(lambda: states(world)["b.jpg"] == "skipped", daemon)
    world.put("c.jpg", jpeg(3))
    with served(world) as (daemon, address), window(browser, address) as page:
        page.goto("/folders")
        switch = page.get_by_role("switch", name="Back up Pictures")
        assert switch.get_attribute("aria-checked") == "false"
        assert "c.jpg" not in states(world)
        switch.click()
        wait_for(lambda: states(world).get("c.jpg") == "held", daemon)
        wait_for(lambda: states(world)["b.jpg"] == "held", daemon)
        assert page.get_by_label("waits for your choice").is_checked()


def photo_with_thumbnail() -> bytes:
    """Large, with a small red one in its EXIF: what a phone's first bytes show."""
    small, out = BytesIO(), BytesIO()
    Image.new("RGB", (160, 120), (220, 30, 30)).save(small, "JPEG")
    content = small.getvalue()
    head = b"MM\0*\0\0\0\x08"
    first = b"\0\1" + b"\x01\x12\0\3\0\0\0\1\0\1\0\0" + (26).to_bytes(4, "big")
    second = b"\0\2" + b"".join(
        tag.to_bytes(2, "big") + b"\0\4\0\0\0\1" + value.to_bytes(4, "big")
        for tag, value in ((0x201, 56), (0x202, len(content)))
    )
    exif = head + first + second + bytes(4)
    assert len(exif) == 56
    Image.effect_noise((1500, 1500), 90).convert("RGB").save(
        out, "JPEG", quality=95, exif=b"Exif\0\0" + exif + content
    )
    return out.getvalue()


def plug_in(world: World, host: AdbHost, phone: LabPhone) -> Path:
    """A phone of which nothing is copied until it is chosen; where its camera puts photos."""
    world.configure(
        phone=f"adb_port = {host.port}",
        more=f'[select]\nmode = "manual"\n[mirror]\npath = "{world.home}/mirror"\nmin_free = 0\n',
    )
    camera = phone.storage / "DCIM/Camera"
    camera.mkdir(parents=True, exist_ok=True)
    return camera


def test_a_phones_photos_are_seen_before_they_are_copied(
    world: World, host: AdbHost, phone: LabPhone, browser: Browser
) -> None:
    camera = plug_in(world, host, phone)
    (camera / "a.jpg").write_bytes(photo_with_thumbnail())
    other = phone.storage / "Download"
    other.mkdir(exist_ok=True)
    (other / "b.jpg").write_bytes(jpeg(2))
    for file in (camera / "a.jpg", other / "b.jpg"):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["held"] == 1, daemon)
        page.goto("/photos")
        page.locator('.tile[data-state="held"] img').wait_for()
        until(page, "document.querySelector('.tile img')?.naturalWidth === 160")
        page.locator(".tile a").click()
        until(page, "document.querySelector('.stage img')?.naturalWidth === 160")
        original = page.locator(".stage a").get_attribute("href")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address.rstrip('/')}{original}")
        assert not list((world.home / "mirror").rglob("a.jpg"))
        wait_for(lambda: "new_folders" in json.dumps(world.json("status")["problems"]), daemon)
        page.goto("/")
        page.get_by_role("link", name="Choose folders").click()
        page.get_by_role("switch", name=re.compile("Back up Download")).click()
        wait_for(lambda: world.json("status")["items"]["held"] == 2, daemon)
        page.get_by_role("switch", name=re.compile("Back up DCIM.Camera")).click()
        wait_for(lambda: world.json("status")["items"]["skipped"] == 1, daemon)


def test_a_phones_heic_and_screenshot_are_seen_before_they_are_copied(
    world: World, host: AdbHost, phone: LabPhone, browser: Browser
) -> None:
    camera = plug_in(world, host, phone)
    shot = BytesIO()
    Image.effect_noise((600, 1000), 90).convert("RGB").save(shot, "PNG")
    assert len(shot.getvalue()) > FIRST_BYTES
    contents = {
        "a.heic": heic_with_thumbnail(width=2400, height=1800),
        "b.png": shot.getvalue(),
        "c.jpg": b"\xff\xd8\xff\xe0" + bytes(MOST_BYTES),
    }
    for name, content in contents.items():
        (camera / name).write_bytes(content)
        os.utime(camera / name, (1_700_000_000, 1_700_000_000))
    with served(world) as (daemon, address), window(browser, address) as page:
        wait_for(lambda: world.json("status")["items"]["held"] == 3, daemon)
        page.goto("/photos")
        for name, width in (("a.heic", 320), ("b.png", 192)):
            image = tile(page, name).locator("img")
            wait_for(partial(is_wide, image, width), daemon)
        picture = tile(page, "c.jpg").locator("img").get_attribute("src")
        with urllib.request.urlopen(f"{address.rstrip('/')}{picture}") as answer:
            assert answer.headers["content-type"].startswith("image/svg")  # of a phone
        assert not list((world.home / "mirror").rglob("?.*"))


def is_wide(image: Locator, width: int) -> bool:
    return bool(image.evaluate("(image) => image.naturalWidth") == width)


# Where it is


def test_the_verb_says_where_the_page_is_or_why_there_is_none(world: World) -> None:
    world.variables["PHOTOSYNC_WEB__ENABLED"] = "true"
    stopped = world.run("web")
    assert (stopped.returncode, "photosync run" in stopped.stdout) == (1, True)
    world.put("a.jpg", jpeg(1))
    with served(world) as (daemon, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        world.variables["PHOTOSYNC_WEB__ENABLED"] = "false"
        assert "switched off" in world.run("web").stdout
        del daemon


def test_a_password_is_asked_for_and_lets_in(world: World, browser: Browser) -> None:
    secret = world.home / "secret"
    secret.write_text("correct horse battery")
    secret.chmod(0o600)
    world.variables["PHOTOSYNC_WEB__PASSWORD_FILE"] = str(secret)
    world.put("a.jpg", jpeg(1))
    with served(world) as (daemon, address), window(browser, address) as page:
        page.goto("/photos")
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name=re.compile("library|Working|Uploading")).first.wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Password").wait_for()
        del daemon


def test_a_password_that_others_may_read_keeps_the_page_off_and_the_rest_on(world: World) -> None:
    secret = world.home / "secret"
    secret.write_text("correct horse battery")
    secret.chmod(0o644)
    world.variables |= {
        "PHOTOSYNC_WEB__PASSWORD_FILE": str(secret),
        "PHOTOSYNC_WEB__ENABLED": "true",
        "PHOTOSYNC_WEB__PORT": "0",
    }
    world.put("a.jpg", jpeg(1))
    with world.daemon() as daemon:
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        wait_for(lambda: "chmod 600" in world.run("web").stdout, daemon)
        assert world.run("web").returncode == 1
