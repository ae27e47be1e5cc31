"""The page of `kmq compare`: what is in it, and that it works in a browser."""

import base64
import html
import io
import os
import re

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

import kmq
from commands import run
from kmq_cli.compare.plot import Point, Series, plot
from kmq_cli.compare.preview import MOST_BYTES, make_preview

PHOTO = load_sample_image("china.jpg")[100:220, 200:400]
HOSTILE = "<img src=x onerror=alert(1)>&amp;\"'.png"
KS = (2, 16, 300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with page.html, of a photograph with a hostile name and a translucent one."""
    folder = tmp_path_factory.mktemp("page")
    name = HOSTILE if os.name == "posix" else "photo.png"
    Image.fromarray(PHOTO).save(folder / name)
    clear = Image.fromarray(PHOTO).convert("RGBA").resize((60, 90))
    clear.putalpha(Image.linear_gradient("L").resize((60, 90)))
    clear.save(folder / "clear.png")
    arguments = [folder / name, folder / "clear.png", "-k2,16,300", "--html", folder / "page.html"]
    shown = run("compare", *arguments, check=0)
    assert shown.stdout
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "page.html").read_text("utf-8")


def pictures(page):
    """Return the pictures in a page, as they are there."""
    found = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", page)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_the_pictures_in_the_page_are_the_original_and_the_decoded_ones(page):
    shown = [np.asarray(image.convert("RGB")) for image in pictures(page)[:4]]
    assert np.array_equal(shown[0], PHOTO)
    for k, picture in zip(KS, shown[1:], strict=True):
        assert np.array_equal(picture, kmq.decode(kmq.encode(PHOTO, k)))


def test_names_are_escaped(page):
    if os.name == "posix":
        assert HOSTILE not in page
        assert html.escape(HOSTILE) in page


def test_the_page_names_nothing_outside(page):
    plain = re.sub(r"data:image/webp;base64,[A-Za-z0-9+/=]+", "", page)
    assert not re.findall(r"(?i)https?:|//[a-z]|url\(|@import|<link[^>]*href=\"(?!data:,)", plain)


def test_palettes_and_ledgers_are_in_the_page(page):
    for k in KS:
        data = kmq.encode(PHOTO, k)
        with kmq.KmqFile(data) as file:
            entries, counts = file.palette.entries.tolist(), np.bincount(file.indices().indices.ravel())
        for entry, count in list(zip(entries, counts, strict=True))[:256]:
            code = bytes(entry).hex().upper()
            share = f"{100 * count / counts.sum():.2f} %"
            assert f'<i style="--c: #{code}"></i>#{code}<span>{share}</span>' in page
        ledger = kmq.inspect(data)
        for size in (ledger.index_bytes, ledger.palette_bytes, ledger.header_bytes, ledger.total_bytes):
            assert f"<span>{size:,} bytes</span>" in page
    assert "and 44 more; kmq palette shows all" in page


def test_a_large_picture_is_scaled_and_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").resize((2400, 100)).save("wide.png")
    run("compare", "wide.png", "-k2,4", "--effort=fast", "--html", "page.html", check=0)
    page = (tmp_path / "page.html").read_text("utf-8")
    assert {image.size for image in pictures(page)} == {(1200, 50)}
    assert "scaled down to 1,200 × 50 pixels" in page


def test_a_preview_is_exact_unless_that_takes_too_much():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (900, 900, 3), np.uint8))
    small, large = make_preview(noise.crop((0, 0, 200, 200))), make_preview(noise)
    assert (small.lossy, large.lossy) == (False, True)
    assert len(large.data) < MOST_BYTES
    with Image.open(io.BytesIO(small.data)) as image:
        assert np.array_equal(np.asarray(image), np.asarray(noise)[:200, :200])


def test_a_preview_of_a_line_is_a_line():
    assert (
        make_preview(Image.new("RGB", (70_000, 1))).width,
        make_preview(Image.new("L", (1, 1))).width,
    ) == (1200, 1)


def test_a_plot_has_every_point_with_its_place_in_order():
    points = [
        Point(0.25, 20.0, "2", "two"),
        Point(1.0, 30.0, "4", "f<ur"),
        Point(4.0, float("inf"), "8", "eight"),
    ]
    drawn = plot([Series("one", 0, points)], "PSNR", "dB", "a plot")
    places = re.findall(r'class="mark" transform="translate\(([\d.]+) ([\d.]+)\)"', drawn)
    x, y = zip(*((float(x), float(y)) for x, y in places), strict=True)
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)  # factors of four
    assert y[0] > y[1] > y[2]
    assert "f&lt;ur" in drawn
    assert ">exact</text>" in drawn
    assert "bits a pixel</text>" in drawn
    assert "PSNR, dB</text>" in drawn
    assert plot([], "PSNR", "dB", "a plot") == ""


def test_labels_of_points_in_one_place_do_not_lie_on_each_other():
    points = [Point(1.0, 30.0, "42", ""), Point(1.0, 30.0, "64", ""), Point(4.0, 40.0, "128", "")]
    drawn = plot([Series("one", 0, points)], "PSNR", "dB", "a plot")
    assert re.findall(r'class="label"[^>]*>(\d+)<', drawn) == ["42", "128"]


# In a browser


@pytest.fixture
def opened(browser, folder):
    """Return a function that opens the page in a new context; it fails on what the page complains about."""
    contexts, complaints, asked = [], [], []

    def open_page(**options):
        context = browser.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(dialog.message))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto((folder / "page.html").as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert {url for url in asked if not url.startswith("data:")} == {(folder / "page.html").as_uri()}


def clip(tab):
    return tab.evaluate("getComputedStyle(document.querySelector('.pair .before')).clipPath")


def shown_k(tab):
    return tab.locator(".pair .tag.right").first.inner_text()


@pytest.mark.browser
def test_the_page_loads_alone_and_all_its_pictures_show(opened):
    tab = opened()
    sizes = tab.evaluate("[...document.images].map(image => [image.complete, image.naturalWidth])")
    assert sizes == [[True, 200]] * 5 + [[True, 60]] * 5
    if os.name == "posix":
        assert tab.locator("h2").first.inner_text() == HOSTILE
    assert tab.locator("svg.plot").count() == 4
    assert tab.locator("section table").count() == 4


@pytest.mark.browser
def test_the_slider_moves_by_key_and_by_drag(opened):
    tab = opened()
    slider = tab.get_by_label("How much of the original shows").first
    assert clip(tab) == "inset(0px 50% 0px 0px)"
    slider.focus()
    tab.keyboard.press("End")
    assert clip(tab) in ("inset(0px 0% 0px 0px)", "inset(0px)")
    tab.keyboard.press("Home")
    assert clip(tab) == "inset(0px 100% 0px 0px)"
    tab.keyboard.press("ArrowRight")
    assert clip(tab) == "inset(0px 99.5% 0px 0px)"
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 3
    tab.mouse.move(box["x"] + 2, middle)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 4, middle, steps=5)
    tab.mouse.up()
    left = float(re.fullmatch(r"inset\(0px ([\d.]+)% 0px 0px\)", clip(tab))[1])
    assert left == pytest.approx(75, abs=1.5)
    handle = tab.locator(".pair .handle").first.bounding_box()
    assert handle["x"] + handle["width"] / 2 == pytest.approx(box["x"] + box["width"] / 4, abs=3)
    assert "decoded" in slider.get_attribute("aria-valuetext")


@pytest.mark.browser
def test_what_is_behind_the_slider_is_the_chosen_picture(opened):
    tab = opened()
    assert shown_k(tab) == "k = 16"
    source = "image => image.src"
    for place, k in enumerate(KS):
        tab.locator("section").first.locator(".choice").nth(place).click()
        assert shown_k(tab) == f"k = {k}"
        thumb = tab.locator("section").first.locator(".choice img").nth(place)
        assert tab.locator(".pair .after").first.evaluate(source) == thumb.evaluate(source)
        details = tab.locator("section").first.locator(".detail:visible")
        assert details.count() == 1
        assert details.locator("h3").first.inner_text() == f"k = {k}"
        assert details.locator(".swatches li:not(.rest)").count() == min(k, 256)
    tab.keyboard.press("ArrowLeft")
    assert shown_k(tab) == "k = 16"
    assert tab.locator("section").nth(1).locator(".pair .tag.right").inner_text() == "k = 16"


@pytest.mark.browser
def test_the_pixels_on_the_left_are_the_original_and_on_the_right_the_decoded_ones(opened):
    tab = opened(viewport={"width": 1000, "height": 900})
    tab.locator("section").first.locator(".choice").first.click()
    alone = "position: fixed; inset: 0 auto auto 0; margin: 0; border-radius: 0; z-index: 1"
    tab.add_style_tag(
        content=f".handle, .tag {{ display: none }} .pair {{ {alone} }} section + section {{ display: none }}"
    )
    part = {"x": 0, "y": 0, "width": 200, "height": 120}
    with Image.open(io.BytesIO(tab.screenshot(clip=part))) as image:
        seen = np.asarray(image.convert("RGB")).astype(int)
    decoded = kmq.decode(kmq.encode(PHOTO, 2)).astype(int)
    assert seen.shape == PHOTO.shape
    assert np.abs(seen[:, :98] - PHOTO[:, :98]).max() <= 2
    assert np.abs(seen[:, 102:] - decoded[:, 102:]).max() <= 2


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 380, 768, 1280])
def test_no_width_scrolls_sideways(opened, width):
    tab = opened(viewport={"width": width, "height": 800})
    for place in range(len(KS)):
        tab.locator("section").first.locator(".choice").nth(place).click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    beyond = tab.evaluate(
        """[...document.querySelectorAll('body *')]
            .filter(part => !part.closest('.scroll, svg, .pair'))
            .filter(part => part.getBoundingClientRect().right > innerWidth + 1)
            .map(part => part.outerHTML.slice(0, 80))"""
    )
    assert beyond == []


def luminance(colour):
    channels = [value / 255 for value in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_have_contrast_enough(opened, scheme):
    tab = opened(color_scheme=scheme)

    def variable(name):
        text = tab.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name)", name)
        return tuple(bytes.fromhex(text.strip().removeprefix("#")))

    paper, card = variable("--paper"), variable("--card")
    with Image.open(io.BytesIO(tab.screenshot())) as image:
        assert image.convert("RGB").getpixel((3, 3)) == paper
        assert len(image.convert("RGB").getcolors(1 << 24)) > 500
    assert (luminance(paper) > 0.5) == (scheme == "light")
    for name in ("--ink", "--soft", "--accent"):
        assert min(contrast(variable(name), paper), contrast(variable(name), card)) >= 4.5, name
    for name in [f"--s{n}" for n in range(8)] + [f"--p{n}" for n in range(5)]:
        assert contrast(variable(name), paper) >= 3, name


@pytest.mark.browser
def test_without_scripts_the_tables_and_plots_are_there(opened):
    tab = opened(java_script_enabled=False, viewport={"width": 380, "height": 800})
    assert tab.locator("noscript").is_visible()
    assert tab.locator("svg.plot").count() == 4
    assert tab.locator("section table").first.locator("tbody tr").count() == 3
