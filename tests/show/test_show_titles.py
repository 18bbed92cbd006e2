"""Titles of frames: drawn last, so that no link strikes them through."""

from xml.etree import ElementTree as ET

from drawn_nets import encoder, needs_engine

from minisym.show.on_top import titles_on_top
from minisym.visualization import plot_network

SVG = """<svg width="9pt" height="9pt">
<g id="graph0" class="graph">
<g id="clust1" class="cluster">
<title>cluster:title</title>
<polygon fill="#ffffff" points="0,0"/>
<text x="1" y="2" font-size="17.00">net</text>
</g>
<g id="clust2" class="cluster">
<title>cluster:fc</title>
<g id="a_clust2"><a>
<path fill="#f8fafc" d="M0,0"/>
<text text-anchor="start" x="10" y="-20" font-weight="bold" font-size="12.00">fc</text>
<text text-anchor="start" x="24" y="-20" font-size="10.00">4 params</text>
</a>
</g>
</g>
<g id="edge1" class="edge">
<path fill="none" d="M0,0"/>
</g>
</g>
</svg>"""


def test_titles_are_moved_behind_the_links_on_strips_of_their_frame():
    made = titles_on_top(SVG)
    drawn = list(ET.fromstring(made).iter())
    tags = [(e.tag, e.text) for e in drawn if e.tag in ("text", "path", "rect")]
    assert tags == [
        ("text", "net"),  # the heading stays where it is: nothing runs over it
        ("path", None),
        ("path", None),
        ("rect", None),
        ("text", "fc"),
        ("text", "4 params"),
    ]
    (strip,) = [e for e in drawn if e.tag == "rect"]
    assert strip.get("fill") == "#f8fafc"
    left, wide = float(strip.get("x")), float(strip.get("width"))
    assert left < 10
    assert left + wide > 24 + 8 * 5  # eight characters of 10 points
    assert titles_on_top("<svg></svg>") == "<svg></svg>"


def after_links(svg):
    """Return what is drawn behind all lines of links: nothing else is not filled."""
    return svg[svg.rindex('fill="none"') :]


@needs_engine
def test_engines_and_our_own_drawing_put_titles_above_links():
    picture = plot_network(encoder(3), collapse="none")
    for svg in (picture.pipe("svg").decode(), picture.drawing().svg()):
        for title in ("block0", "block1", "block2"):
            assert f">{title}</text>" in after_links(svg)
            assert svg.count(f">{title}</text>") == 1
