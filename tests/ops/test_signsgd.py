"""signsgd_update: MXNet 1.9.1's bits, the letter of its page, and what MXNet only promised."""

import numpy as np
import pytest
from places import FIXTURES

import minisym as ms
from minisym import sym

RECORDED = np.load(FIXTURES / "signsgd.npz", allow_pickle=False)
CASES = sorted({key.rsplit("/", 1)[0] for key in RECORDED.files})
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, -5e-324, 1.0, -1.0]


def recorded(case):
    names = ("weight", "grad", "after", "setting")
    weight, grad, after, setting = (RECORDED[f"{case}/{name}"] for name in names)
    keys = ("lr", "wd", "rescale_grad", "clip_gradient")
    return weight, grad, after, dict(zip(keys, map(float, setting), strict=True))


def bits(array):
    """Return the bits; NaNs count as one value, whatever their payload."""
    return np.where(np.isnan(array), np.nan, array).tobytes()


@pytest.mark.parametrize("case", CASES)
def test_bits_of_mxnet(case):
    weight, grad, after, setting = recorded(case)
    bound = weight.copy()
    step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), **setting)
    step.bind(args={"w": bound, "g": grad}).forward()
    assert bits(bound) == bits(after)


@pytest.mark.parametrize("case", CASES)
def test_bits_of_mxnet_at_once(case):
    weight, grad, after, setting = recorded(case)
    bound = weight.copy()
    result = ms.nd.signsgd_update(bound, grad, out=bound, **setting)
    assert np.shares_memory(result, bound)
    assert bits(bound) == bits(after)


@pytest.mark.parametrize("case", CASES)
def test_computed_hyper_parameters_give_the_same_bits(case):
    weight, grad, after, setting = recorded(case)
    if setting["rescale_grad"] != 1.0:
        setting["rescale_grad"] = 1.0  # its product may underflow; only the sign is meant
    names = ("lr", "wd", "rescale_grad")
    symbols = {name: sym.Variable(name) for name in names}
    step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), **symbols)
    bound = weight.copy()
    values = {name: np.array([setting[name]], np.float32) for name in names}
    step.bind(args={"w": bound, "g": grad, **values}).forward()
    assert bits(bound) == bits(after)


@pytest.mark.parametrize("case", [c for c in CASES if c.endswith("/1")])
def test_a_buffer_of_its_own_gives_the_same_bits(case):
    """Where the new value is read in the run, it is computed into a buffer first."""
    weight, grad, after, setting = recorded(case)
    w = sym.Variable("w")
    step = sym.signsgd_update(w, sym.Variable("g"), **setting)
    bound = weight.copy()
    out = sym.Group([step + w, step]).bind(args={"w": bound, "g": grad}).forward()
    assert bits(bound) == bits(after) == bits(out[1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_large_arrays_are_worked_on_in_blocks_with_the_same_bits(dtype, rng):
    weight, grad = rng.normal(size=(2, 3, 100_001)).astype(dtype)
    grad[0, :99] = 0
    whole = weight - dtype(np.float32(0.01)) * np.sign(grad)
    step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.01)
    step.bind(args={"w": weight, "g": grad}).forward()
    assert weight.tobytes() == whole.tobytes()


# ------------------------------------------------------------------------------ the page's letter


def test_arguments_by_position_by_keyword_and_absent():
    w, g = sym.Variable("w"), sym.Variable("g")
    for step in (
        sym.signsgd_update(w, g, 0.5),
        sym.signsgd_update(w, g, lr=0.5),
        sym.signsgd_update(weight=w, grad=g, lr="0.5"),
        sym.signsgd_update(w, g, lr=0.5, wd=0.0, rescale_grad=1.0, clip_gradient=-1.0),
        sym.signsgd_update(w, g, **{"lr": 0.5, "rescale.grad": 1.0, "clip.gradient": -1.0}),
    ):
        assert step.list_arguments() == ["w", "g"]
        (out,) = step.eval(w=np.array([1.0]), g=np.array([2.0]))
        assert out.tolist() == [0.5]
    absent = sym.signsgd_update(lr=0.5, name="step")
    assert absent.list_arguments() == ["step_weight", "step_grad"]
    assert absent.list_outputs() == ["step_output"]
    assert absent.list_auxiliary_states() == []


def test_shapes_and_types_flow_both_ways():
    step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1)
    for known in ("w", "g"):
        assert step.infer_shape(**{known: (2, 3)}) == ([(2, 3)] * 2, [(2, 3)], [])
        assert step.infer_type(**{known: np.float16}) == ([np.float16] * 2, [np.float16], [])


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_integers_are_refused(dtype):
    step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=0.1)
    with pytest.raises(ms.DtypeError, match=dtype):
        step.infer_type(w=dtype)


def test_required_and_unknown_parameters():
    w = sym.Variable("w")
    with pytest.raises(ms.ParamError, match="required parameter lr"):
        sym.signsgd_update(w, w)
    with pytest.raises(ms.ParamError, match="'momentum'"):
        sym.signsgd_update(w, w, lr=1, momentum=0.9)


def test_rescale_grad_is_by_the_documentation():
    """Grad = rescale_grad * grad: a negative factor turns the step around, 0 stops it."""
    w, g = sym.Variable("w"), sym.Variable("g")
    for rescale, expected in ((2.0, -1.0), (-2.0, 1.0), (0.0, 0.0)):
        for value in (rescale, sym.Variable("r")):
            step = sym.signsgd_update(w, g, lr=1.0, rescale_grad=value)
            weight = np.zeros(3)
            given = {} if value is rescale else {"r": np.array([rescale], np.float32)}
            step.bind(args={"w": weight, "g": np.array([3.0, -3.0, 0.0]), **given}).forward()
            assert weight.tolist() == [expected, -expected, 0.0]
            at_once = ms.nd.signsgd_update(np.zeros(1), np.ones(1), lr=1.0, rescale_grad=rescale)
            assert at_once.tolist() == [expected]


def test_a_gradient_of_nan_or_zero_moves_nothing():
    weight = np.ones(len(SPECIAL))
    ms.nd.signsgd_update(weight, np.array(SPECIAL), lr=0.5, out=weight)
    assert weight.tolist() == [1, 1, 1, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5]


def test_at_once_without_out_the_weight_stays():
    weight = np.ones(1)
    assert ms.nd.signsgd_update(weight, np.ones(1), lr=0.5).tolist() == [0.5]
    assert weight.tolist() == [1]
    with pytest.raises(ms.BindError, match="out has shape"):
        ms.nd.signsgd_update(weight, np.ones(1), lr=0.5, out=np.ones(2))


def test_file_round_trip_keeps_what_the_user_wrote():
    step = sym.signsgd_update(
        sym.Variable("w"), sym.Variable("g"), lr=0.1, wd=sym.Variable("decay")
    )
    again = sym.load_json(step.tojson())
    assert again.tojson() == step.tojson()
    assert again.list_arguments() == ["w", "g", "decay"]
    assert again.entries[0].node.given == {"lr"}


def test_a_computed_rate_is_one_number():
    step = sym.signsgd_update(sym.Variable("w"), sym.Variable("g"), lr=sym.Variable("lr"))
    assert step.infer_shape(w=(2,)) == ([(2,), (2,), (1,)], [(2,)], [])
    with pytest.raises(ms.ShapeError, match=r"lr must be one number.*\(3,\)"):
        step.infer_shape(w=(2,), lr=(3,))
    with pytest.raises(ms.ComposeError, match="only float parameters of updates"):
        sym.sum(sym.Variable("x"), axis=sym.Variable("axis"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("rescale", [1e-12, -1e-12, 0.0, np.nan])
def test_of_rescale_grad_only_the_sign_counts(dtype: str, rescale: float):
    """Even where the weight's own type could not hold it; as a number and as a symbol."""
    w, g, r = sym.Variable("w"), sym.Variable("g"), sym.Variable("r")
    turn = 0 if np.isnan(rescale) else np.sign(rescale)
    for factor, more in ((rescale, {}), (r, {"r": np.array([rescale], np.float32)})):
        weight = np.array([1.0, 2.0, 3.0], dtype)
        step = sym.signsgd_update(w, g, lr=0.5, rescale_grad=factor)
        step.bind(args={"w": weight, "g": np.array([2.0, -3.0, 0.0], dtype), **more}).forward()
        np.testing.assert_array_equal(
            weight, np.array([1, 2, 3]) - 0.5 * turn * np.array([1, -1, 0])
        )
