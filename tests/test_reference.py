"""The reference: every op has a page, and the page says what the declaration says."""

from __future__ import annotations

import doctest
import inspect
import os
import pydoc
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import get_origin

import pytest
from places import ROOT

import minisym as ms
from minisym import sym
from minisym.core import words

sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import api_pages
import curves
import docstrings
import linked_files
import linked_names
import mathml
import op_page
import pictures
from declared_at import declaration
from op_reference import Reference


@cache
def reference() -> Reference:
    return Reference()


def own():
    """Return the ops of minisym that a user may call; other tests declare some, too."""
    ops = set(ms.op.registered().values())
    return [op for op in ops if op.module.startswith("minisym.") and op_page.names_of(op)]


def test_every_op_has_a_page_and_a_line_in_the_index():
    index = reference().index()
    for name in [op_page.called(op) for op in own()] + ["zeros", "maximum", "contrib.foreach"]:
        assert f"# {name}\n" in reference().pages[name]
        assert f"| [{name}](ops/{name}.md) | " in index
        assert f"\nops/{name}\n" in index


@pytest.mark.parametrize("op", own(), ids=lambda op: op.name)
def test_a_page_tells_all_that_is_declared(op):
    page = reference().pages[op_page.called(op)]
    bare = page.replace("`", "")
    for spec in op.inputs:
        assert op_page.cell(spec.doc).replace("`", "") in bare
    for param in op.params.values():
        assert f"| `{param.name}` | " in page
    assert all(f"`{name}`" in page for name in op.writes)
    for fact in ("Gradient", "ONNX", "MXNet"):
        assert f"\n{fact}\n: " in page
    assert "minisym.sym." + op_page.called(op) + "()" in page


def test_the_declaration_that_a_page_shows_is_the_ops_own():
    for op in own():
        file, line, text = declaration(op)
        first = (ROOT / file).read_text(encoding="utf-8").split("\n")[line - 1]
        assert text.split("\n")[0] == first, op
    text = declaration(ms.op.get("FullyConnected"))[2]
    assert re.findall(r"^@FullyConnected\.(\w+)$", text, re.MULTILINE) == [
        "steps", "shape", "onnx", "grad",
    ]  # fmt: skip
    assert '("greater_equal",' in declaration(ms.op.get("broadcast_greater_equal"))[2].replace(
        "\n        ", ""
    )


def test_examples_print_what_they_show():
    parser = doctest.DocTestParser()
    for name in ("tanh", "Convolution", "adam_update", "topk", "random_uniform", "Concat"):
        session = re.search(r"```pycon\n(.*?)\n```", reference().pages[name], re.DOTALL)
        assert session
        test = parser.get_doctest(session[1] + "\n", {}, name, None, None)
        assert len(test.examples) > 2
        result = doctest.DocTestRunner(verbose=False).run(test)
        assert result.failed == 0


def test_almost_every_page_has_an_example():
    without = [name for name, page in reference().pages.items() if ">>>" not in page]
    by_hand = {"maximum", "minimum", "power", "pow", "hypot"}  # autodoc reads their docstrings
    by_hand |= {op for names in ("zeros ones full arange linspace eye histogram split_v2",
                                 "contrib.foreach contrib.while_loop contrib.cond")
                for op in names.split()}  # fmt: skip
    assert sorted(set(without) - by_hand) == ["Custom"]


def test_curves_are_those_of_the_function_and_its_derivative():
    drawn = curves.curves(ms.op.get("relu"), "relu")
    slopes = re.search(r'class="slope" d="(.*?)"', drawn)
    values = re.search(r'class="value" d="(.*?)"', drawn)
    assert slopes
    assert values
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", values[1])]
    assert heights[0] == heights[70] > heights[120] > heights[-1]  # flat, then upwards
    steps = set(re.findall(r"[ML][\d.]+ ([\d.]+)", slopes[1]))
    assert len(steps) == 2  # 0 and 1
    assert slopes[1].count("M") == 2  # and nothing between


@pytest.mark.parametrize(
    "name", ["softmax", "log_softmax", "FullyConnected", "identity", "ones_like", "logical_not"]
)
def test_what_is_no_function_of_one_number_has_no_curve(name: str):
    assert curves.curves(ms.op.get(name), name) == ""


def test_a_curve_has_the_name_that_a_user_calls():
    assert "<code>contrib.sign_ste</code>" in reference().pages["contrib.sign_ste"]


def test_an_op_that_writes_or_has_many_inputs_has_a_picture():
    for name in ("adam_update", "signsgd_update", "BatchNorm", "RNN", "where", "contrib.foreach"):
        assert reference().pages[name].count('<div class="picture"><svg role="img"') == 1
    page = reference().pages["signum_update"]
    assert 'aria-label="signum_update: ' in page
    inside = page[page.index("<svg") : page.index("</svg>")]
    assert "\n\n" not in inside  # which would end the HTML
    assert 'html[data-theme="dark"]' in inside
    for name in ("tanh", "FullyConnected_", "broadcast_add", "zeros", "maximum"):
        assert 'class="picture"' not in reference().pages.get(name, "")


def test_a_loss_head_and_what_passes_its_input_on_show_their_gradient():
    page = reference().pages["MAERegressionOutput"]
    assert '>>> ms.grad(y, "data").eval(data=data, label=label)[0]\n' in page
    assert (
        '>>> ms.grad(y, "data").eval(data=data, scale=scale)[0]'
        in (reference().pages["scale_gradient"])
    )
    assert "ms.grad" not in reference().pages["tanh"]


def test_a_page_says_which_ops_of_onnx_other_parameters_make():
    page = reference().pages["Activation"]
    assert "\nONNX\n: `Relu`; with other parameters also `Sigmoid`, `Tanh`, " in page
    assert "\nONNX\n: `Cast`.\n" in reference().pages["Cast"]
    assert (
        "\nONNX\n: None of its own: its input takes its place.\n"
        in (reference().pages["BlockGrad"])
    )
    assert "\nONNX\n: A constant.\n" in reference().pages["ones_like"]


def test_papers_stand_behind_the_example():
    for name in ("BatchNorm", "adam_update"):
        page = reference().pages[name]
        assert page.index("## Example") < page.index("## References\n\n")
        assert "\nReference: " not in page


def test_names_within_a_sentence_are_code():
    page = reference().pages["adam_update"]
    assert "| Clips grad to [-`clip_gradient`, `clip_gradient`]; off if not positive. |" in page
    assert r"| This step's momentum, $\mu_t$. |" in reference().pages["nadam_update"]


@pytest.mark.parametrize(
    ("formula", "drawn"),
    [
        (r"n + 2 pad - d", r"n + 2 \mathrm{pad} - d"),
        (r"\operatorname{softmax}(x)_{label}", r"\operatorname{softmax}(x)_{\mathrm{label}}"),
        (r"w_{fc} x y", r"w_{fc} x y"),
        (r"x \tanh x", r"x\,\tanh\,x"),
    ],
)
def test_words_in_formulas_stay_in_one_piece(formula: str, drawn: str):
    assert mathml.spaced(formula) == drawn


def test_help_says_what_the_page_says():
    assert "Writes: `weight`." in sym.signsgd_update.__doc__
    assert "Gradient: zero everywhere." in sym.sign.__doc__
    assert "Gradient: a kernel of its own." in sym.Embedding.__doc__
    assert "Shapes: The output has the shape of `data`." in sym.tanh.__doc__
    assert "Shapes: The output has the shape of `data`." in ms.nd.tanh.__doc__
    assert "Shapes: All arrays have one shape." in sym.adam_update.__doc__
    assert "Shapes: The shape of `a`, with that of `indices` in" in sym.take.__doc__


def test_help_says_with_which_parameters_an_input_exists():
    assert "bias : Symbol, only with `no_bias=False`" in sym.FullyConnected.__doc__
    assert "gamma : Symbol, only with `act_type='prelu'`" in sym.LeakyReLU.__doc__
    assert "*args : Symbol, any number of them" in sym.add_n.__doc__
    assert "*data : Symbol, any number of them" in sym.amp_multicast.__doc__
    assert "num_args : an int, counted" in sym.Concat.__doc__


def test_a_gradient_that_is_zero_is_not_called_composed():
    zero = ("argmax", "broadcast_equal", "one_hot", "_random_normal_like", "all_finite")
    for name in (*zero, "ceil", "BlockGrad"):
        assert words.gradient(ms.op.get(name)) == "zero everywhere", name
    # they have one with some parameters, or by a kernel, which dummies could hide
    for name in ("topk", "sample_multinomial", "LayerNorm", "ROIPooling", "tanh", "where", "RNN"):
        assert words.gradient(ms.op.get(name)) != "zero everywhere", name


@pytest.mark.parametrize(
    ("formula", "cut"),
    [
        (r"y_f(p) = b_f + \sum_c w_c x_c(s p)", [r"y_f(p) ", r"= b_f ", r"+ \sum_c w_c x_c(s p)"]),
        (r"m \leftarrow \mu m - \eta\,(g + w)", [r"m ", r"\leftarrow \mu m - \eta\,(g + w)"]),
        (r"\sum_{j = 1}^n x_j \max(x = y, 0)", [r"\sum_{j = 1}^n x_j \max(x = y, 0)"]),
        (r"x = y", [r"x = y"]),
    ],
)
def test_a_line_may_end_before_a_relation(formula: str, cut: list[str]):
    assert mathml.pieces(formula) == cut


def test_every_shape_rule_is_said_in_words():
    without = {op.name for op in own() if not words.shapes(op)}
    assert without == {"Custom"}  # what it stands for says it
    for op in own():
        if op.name != "Custom":
            assert (
                f"\nShapes\n: {op_page.prose(op_page._coded(op, words.shapes(op)))}\n"
                in (reference().pages[op_page.called(op)])
            )


@cache
def api() -> api_pages.Pages:
    return api_pages.Pages((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))


def test_every_public_class_has_a_page():
    pages = api().pages
    # what `minisym` exports, and what its modules for users do
    for name in ("Symbol", "Executor", "Graph", "Node", "NDArray", "Model", "operator.CustomOp"):
        assert pages[f"minisym.{name}"].startswith(f"# {name.split('.')[-1]}\n")
        assert f"api/minisym.{name}\n" in api().index
    exported = {value for value in vars(ms).values() if inspect.isclass(value)}
    shown = {pydoc.locate(name) for name in pages}
    assert {thing for thing in exported - shown if thing.__module__.startswith("minisym")} == set()
    for thing in vars(ms.metric).values():
        if inspect.isclass(thing) and issubclass(thing, ms.metric.EvalMetric):
            assert thing in shown


def names_offered():
    """Yield each public function and class of `minisym` and its public modules, by a name."""
    for name in ms.__all__:
        thing = getattr(ms, name)
        if not inspect.ismodule(thing):
            yield name, thing
            continue
        if thing is ms.sym:
            continue  # each function is an op's, or exported by `minisym`
        own = thing.__name__
        for inner in getattr(thing, "__all__", vars(thing)):
            found = getattr(thing, inner)
            here = hasattr(thing, "__all__") or getattr(found, "__module__", "") == own
            code = hasattr(found, "__name__") and callable(found) and not get_origin(found)
            if here and code and not inner.startswith("_"):
                yield f"{own.removeprefix('minisym.')}.{inner}", found


def test_every_public_name_has_a_page_or_a_line():
    shown = [*api().pages, *re.findall(r"auto(?:function|data):: ([\w.]+)", api().index)]
    things = {pydoc.locate(name) for name in shown}
    lines = set(
        re.findall(r"`(?:\w+\.)*(\w+)`", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    )
    ops = {name for op in own() for name in op_page.names_of(op)} | reference().pages.keys()
    told = lines | ops

    def is_told(name, thing):
        known = {name, name.partition(".")[2], name.split(".")[-1], getattr(thing, "__name__", "")}
        return thing in things or not told.isdisjoint(known)

    missing = sorted({name for name, thing in names_offered() if not is_told(name, thing)})
    assert missing == []


def test_ops_that_are_methods_are_described_once():
    page = api().pages["minisym.NDArray"]
    assert re.search(r":exclude-members: .*\btanh\b", page)
    assert not re.search(r":exclude-members: .*\breshape\b", page)
    assert "[sum](../ops/sum.md)" in page
    assert "`trace`" in page
    assert "[astype](../ops/Cast.md)" in api().pages["minisym.Symbol"]


def test_an_error_is_shown_without_what_only_minisym_gives_it():
    assert ":: minisym.core.errors.ShapeError()\n" in api().pages["minisym.core.errors.ShapeError"]
    assert "MinisymError\n" in api().pages["minisym.core.errors.MinisymError"]


def test_bases_that_have_no_page_give_way_to_theirs():
    assert api().bases(ms.Symbol) == []
    assert api().bases(ms.io.CSVIter) == [ms.io.NDArrayIter]
    assert api().bases(ms.errors.ShapeError) == [ms.MinisymError, ValueError]


def test_a_function_that_is_a_method_does_not_speak_of_its_first_parameter():
    def said(name, function):
        lines = (inspect.getdoc(function) or "").split("\n")
        docstrings.of_a_method(None, "method", f"minisym.Symbol.{name}", function, None, lines)
        return lines

    assert "symbol" in (inspect.getdoc(ms.grad) or "").split("\n")
    lines = said("grad", ms.grad)
    assert "symbol" not in lines
    assert lines[lines.index("Parameters") + 2] == "wrt"
    assert said("gradient", ms.grad) == ["The same as `grad`."]


def test_fields_are_told_by_what_they_mean():
    lines = ["Alias for field number 0"]
    docstrings.tidy_fields(None, "attribute", "", None, None, lines)
    assert lines == [""]
    lines = [
        ".. attribute:: n", "", "   How many.", "", "   :type: int", "",
        ":Parameters:", "             * **a, b** (*x.Y*) -- Two.", "             * **c** -- One.",
    ]  # fmt: skip
    docstrings.tidy_fields(None, "class", "", None, None, lines)
    assert lines == [
        ".. attribute:: n", "   :type: int", "", "   How many.", "", "", "",
        ":Parameters:", "             * **a, b** -- Two.", "             * **c** -- One.",
    ]  # fmt: skip


def test_a_single_parameter_is_told_without_its_type():
    lines = [":Parameters: **outputs** (*tuple[x.Entry, ...]*) -- A Symbol, or entries."]
    docstrings.tidy_fields(None, "class", "", None, None, lines)
    assert lines == [":Parameters: **outputs** -- A Symbol, or entries."]


def test_a_name_leads_where_there_is_no_doubt():
    names = object.__new__(linked_names.Names)
    names.full = {
        "minisym.Symbol.bind": "bind",
        "minisym.grad": "grad",
        "minisym.io.X.next": "next",
    }
    names.ends, names.ops = {"X": "X", "X.next": "next", "next": "next"}, {"sum": "sum"}
    found = {text: names.find(text, "minisym.Symbol") for text in ("bind", "bind()", "ms.grad")}
    assert found == {"bind": "bind", "bind()": "bind", "ms.grad": "grad"}
    assert names.find("X.next()", "") == "next"
    assert names.find("sym.sum", "") == "sum"
    assert names.find("grad.next", "") is None  # such as Python's `random.seed`
    for word in ("sum", "next", "x + 1", "minisym"):
        assert names.find(word, "") is None


def test_a_class_stays_with_a_line_where_it_was():
    assert "* :doc:`Executor <api/minisym.Executor>`: " in api().index
    assert ".. autoclass::" not in api().index
    assert ".. autofunction:: minisym.grad\n" in api().index
    assert "as :math:`(1 - p)^{pwr}`, p being" in api().index


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("(a: list[int] = <factory>, seed: int = 0)", "(a: list[int] = ..., seed: int = 0)"),
        ("(a: int, _b: dict[~typing.Any, ~x.Y] = <factory>)", "(a: int)"),
        ("(dtype=<class 'numpy.float32'>)", "(dtype=float32)"),
        ("(logger=<module 'logging' from '/usr/lib/logging/__init__.py'>)", "(logger=logging)"),
        ("(func=<function zeros>)", "(func=zeros)"),
        ("(end=<minisym.callback.Log object>)", "(end=Log())"),
        ("(a=mappingproxy({}), b=frozenset({}))", "(a={}, b=frozenset())"),
        ("(act=functools.partial(LeakyReLU, slope=0.2))", "(act=LeakyReLU(..., slope=0.2))"),
        ("(a: int = 1)", "(a: int = 1)"),
    ],
)
def test_signatures_are_written_as_people_would(shown: str, written: str):
    got = docstrings.readable(None, "class", "", None, None, shown, None)
    assert got == (written, None)


def test_the_first_sentence_of_an_attribute_is_no_type():
    lines = ["For each epoch: its metrics, $x$."]
    docstrings.hide_colon(None, "attribute", "", None, None, lines)
    assert ":" not in lines[0]
    docstrings.dollars_to_roles(None, "attribute", "", None, None, lines)
    assert lines == ["For each epoch: its metrics, :math:`x`."]


SVG = """<?xml version="1.0"?>
<svg class="minisym-adaptive" width="10pt"><style>@media (prefers-color-scheme:dark){
.minisym-adaptive rect{fill:#000}
}</style><g id="node1"><title>plot</title><text>MLP</text><text>10 parameters · 2 ops</text></g>
<a xlink:title="all attributes"><text>fc1</text></a></svg>"""


def test_a_picture_in_a_page_keeps_its_tooltips_and_has_the_colours_of_the_page():
    made = pictures.inline(SVG)
    assert made.startswith('<svg role="img" aria-label="MLP: 10 parameters · 2 ops" style=')
    assert 'html[data-theme="dark"]{\n.minisym-adaptive rect' in made
    assert 'xlink:title="all attributes"' in made
    assert " id=" not in made
    assert "<title>" not in made


FIGURE = """
import io, os, sys
sys.path.insert(0, "docs")
import conf
import matplotlib.pyplot as plt
import pictures
figure, axis = plt.subplots()
axis.plot([0, 1], [0, 1], color="#DC2626")
axis.set(title="A line")
drawn = io.StringIO()
figure.savefig(drawn, format="svg")
print(os.environ.get("MPLBACKEND"), pictures.inline(drawn.getvalue(), 'A "red" line'))
"""


def test_a_figure_has_no_background_and_the_letters_of_the_page():
    """The kernels take over this environment: with a backend of ours they would show no figure."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    done = subprocess.run(
        [sys.executable, "-c", FIGURE],
        cwd=ROOT,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = done.stdout
    assert made.startswith('None <svg role="img" aria-label="A &quot;red&quot; line" style="--w')
    assert ">A line</text>" in made
    assert "#dc2626" in made
    assert "currentColor" in made
    assert re.findall(r"#000000|#ffffff|<metadata|<style", made) == []


@pytest.mark.parametrize(
    ("formula", "part"),
    [
        ("|x|", '<mo stretchy="false" lspace="0" rspace="0">&#x0007C;</mo><mi>x</mi>'),
        ("(-1, 1)", '<mo stretchy="false">&#x00028;</mo><mo form="prefix">&#x02212;</mo>'),
        (r"a \quad\text{for } d", "<mtext>for&#x000A0;</mtext><mi>d</mi>"),
        ("x - 1", "<mi>x</mi><mo>&#x02212;</mo><mn>1</mn>"),
        ("f'(x)", '<mi>f</mi><mo stretchy="false" lspace="0" rspace="0">&#x02032;</mo></mrow>'),
        (r"x \tanh x", '<mi>x</mi><mspace width="0.167em" /><mi>tanh</mi>'),
    ],
)
def test_formulas_are_spaced_as_tex_does(formula: str, part: str):
    assert part in mathml.mathml(formula)


def test_thumbnails_lead_to_sections_that_have_a_picture():
    body = (
        '<section id="a">\n<h2>First<a class="headerlink"></a></h2><p>words</p>'
        '<section id="b">\n<h2>Second <em>one</em><a class="headerlink"></a></h2>'
        '<img alt="x" src="_images/1.svg" /><img alt="y" src="_images/2.svg" />'
    )
    [made] = pictures.thumbnails(body)
    assert 'href="#b"' in made
    assert 'src="_images/1.svg"' in made
    assert "Second one" in made


def test_a_picture_that_is_described_and_not_drawn_is_found():
    source = "  image:\n    alt: \"A 'bowl' & more\"\n---\n"
    assert pictures.undrawn(source, "<p>words</p>") == ["A 'bowl' & more"]
    assert pictures.undrawn(source, '<svg aria-label="A &#x27;bowl&#x27; &amp; more">') == []


def test_a_link_to_a_source_file_leads_to_a_page_that_shows_it():
    files = {
        "../minisym/core/node.py": ({"design"}, Path("1f/node.py")),
        "a.csv": ({"design"}, "2f/a.csv"),
    }
    highlighter = SimpleNamespace(highlight_block=lambda code, language: f"<pre>{len(code)}</pre>")
    env = SimpleNamespace(dlfiles=files, _viewcode_modules={})
    builder = SimpleNamespace(highlighter=highlighter)
    app = SimpleNamespace(srcdir=str(ROOT / "docs"), env=env, builder=builder)
    [(name, page, _)] = linked_files.shown(app)
    assert name == "_modules/minisym/core/node"
    assert page["body"].startswith("<h1>Source code for minisym.core.node</h1><pre>")
    link = '<a class="reference download internal" download="" href="_downloads/{}"><span>'
    context = {"body": link.format("1f/node.py") + link.format("2f/a.csv"), "pathto": str.upper}
    linked_files.to_pages(app, "design", "", context, None)
    shown, kept = context["body"].split("<span>")[:2]
    assert shown == '<a class="reference internal" href="_MODULES/MINISYM/CORE/NODE">'
    assert kept == link.format("2f/a.csv").removesuffix("<span>")
    env._viewcode_modules = {"minisym.core.node": ("code", {}, {}, "")}
    assert list(linked_files.shown(app)) == []
