"""One svg for light and dark paper, as a browser paints it."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from browser import MISSING, browser
from drawn_nets import needs_engine

from minisym import sym
from minisym.show.adaptive import adaptive
from minisym.show.style import DARK, DIFFERENCES, LIGHT, Paint
from minisym.visualization import plot_diff, plot_network, save_picture


def net():
    h = sym.FullyConnected(sym.Variable("data"), num_hidden=4, name="fc")
    step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1, name="step")
    return sym.Group([sym.Activation(h, act_type="relu", name="relu"), step])


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


@needs_engine
def test_only_an_svg_of_the_default_theme_follows_the_reader(tmp_path):
    for options, follows in (({}, True), ({"theme": "light"}, False), ({"theme": "dark"}, False)):
        picture = plot_network(net(), **options)
        saved = save_picture(net(), tmp_path / "net.svg", **options).read_bytes()
        rendered = picture.render(outfile=tmp_path / "other.svg")
        for made in (picture.pipe("svg"), saved, Path(rendered).read_bytes()):
            assert (b"prefers-color-scheme" in made) is follows
            ET.fromstring(made)
        assert b"prefers-color-scheme" not in picture.pipe("dot")


def test_every_colour_of_the_light_theme_has_its_rule():
    sheet = adaptive("<svg></svg>")
    pairs = [(paint, DARK.kinds[kind]) for kind, paint in LIGHT.kinds.items()]
    pairs += DIFFERENCES.values()
    for paints in pairs:
        for light, dark in zip(*paints, strict=True):
            if light not in (dark, "#FFFFFF"):
                assert f'="{light}" i]' in sheet
                assert dark in sheet
    assert len(re.findall("{", sheet)) == len(re.findall("}", sheet))


@pytest.mark.parametrize("part", Paint._fields)
def test_no_colour_of_the_light_theme_stands_for_two_of_the_dark_one(part):
    pairs = [(LIGHT.kinds[kind], DARK.kinds[kind]) for kind in LIGHT.kinds]
    pairs += [(LIGHT.frame, DARK.frame), (LIGHT.repeated, DARK.repeated), *DIFFERENCES.values()]
    found = {}
    for light, dark in pairs:
        colour = getattr(light, part)
        assert found.setdefault(colour, getattr(dark, part)) == getattr(dark, part), colour


def brightness(colour):
    """Return the relative luminance of a colour, as WCAG 2.1 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return sum(share * v for share, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, bright = sorted((brightness(one), brightness(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_words_and_links_stand_out_from_what_is_behind_them(theme):
    """The ratios of WCAG 2.1: 4.5 for words (1.4.3), 3 for what else must be seen (1.4.11)."""
    papers = (theme.paper, theme.frame.fill, theme.repeated.fill)
    for paint in (theme.frame, theme.repeated, *theme.kinds.values()):
        assert contrast(paint.text, paint.fill) >= 4.5, paint
    for behind in papers:
        for words in (theme.ink, theme.quiet, theme.write):
            assert contrast(words, behind) >= 4.5, (words, behind)
        for link in (theme.edge, theme.write, *(paint.line for paint in theme.kinds.values())):
            assert contrast(link, behind) >= 3, (link, behind)


@needs_engine
def test_a_picture_of_a_difference_follows_the_reader_too():
    before, after = net(), sym.exp(net()[0])
    for options, follows in (({}, True), ({"theme": "dark"}, False)):
        made = plot_diff(before, after, **options).pipe("svg")
        assert (b"prefers-color-scheme" in made) is follows
        ET.fromstring(made)


@needs_engine
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_browser_paints_it_as_the_reader_prefers(tmp_path):
    path = save_picture(net(), tmp_path / "net.svg")
    parts = {
        ".graph polygon": ("fill", LIGHT.paper, DARK.paper),
        ".layer path": ("fill", LIGHT.kinds["layer"].fill, DARK.kinds["layer"].fill),
        ".parameter text": ("fill", LIGHT.kinds["parameter"].text, DARK.kinds["parameter"].text),
        ".update text": ("fill", "#FFFFFF", "#FFFFFF"),
        ".write path": ("stroke", LIGHT.write, DARK.write),
        ".write polygon": ("fill", LIGHT.write, DARK.write),
        f'polygon[fill="{LIGHT.edge}" i]': ("fill", LIGHT.edge, DARK.edge),
    }
    with browser(tmp_path / "profile") as window:
        window.send("POST", "/url", url=path.as_uri())
        for scheme, place in (("light", 1), ("dark", 2)):
            window.prefer(scheme)
            for css, wanted in parts.items():
                assert window.style(css, wanted[0]) == rgb(wanted[place]), (scheme, css)
