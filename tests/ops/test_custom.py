"""Ops of one's own (`ms.operator`), and ops whose shapes only a run finds out."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import minisym as ms


class Scale(ms.operator.CustomOp):
    """Multiplies, counts its runs in an auxiliary state, and remembers what it saw."""

    def __init__(self, factor):
        self.factor = factor
        self.seen = []

    def forward(self, is_train, req, in_data, out_data, aux):
        self.seen.append(("forward", is_train))
        self.assign(out_data[0], req[0], in_data[0] * self.factor * in_data[1])
        if is_train:
            aux[0][:] = aux[0] + 1

    def backward(self, req, out_grad, in_data, in_grad, **_):
        self.seen.append(("backward", list(req)))
        self.assign(in_grad[0], req[0], out_grad[0] * self.factor * in_data[1])
        product = out_grad[0] * self.factor * in_data[0]
        self.assign(in_grad[1], req[1], product.asnumpy().sum(0))


MADE: list[Scale] = []


@ms.operator.register("test_scale")
class ScaleProp(ms.operator.CustomOpProp):
    def __init__(self, factor="1"):
        super().__init__(need_top_grad=True)
        self.factor = float(factor)

    def list_arguments(self):
        return ["data", "weight"]

    def list_auxiliary_states(self):
        return ["runs"]

    def infer_shape(self, in_shape):
        return [in_shape[0], in_shape[0][1:]], [in_shape[0]], [(1,)]

    def create_operator(self, *_):
        MADE.append(Scale(self.factor))
        return MADE[-1]


def prop_of(name, **methods):
    """Register an op of one argument with these methods."""
    return ms.operator.register(name)(type(name, (ms.operator.CustomOpProp,), methods))


def operator_of(**methods):
    return lambda self, *args: type("Op", (ms.operator.CustomOp,), methods)()


@pytest.fixture
def counter():
    """Return a symbol whose operator adds how often it has run."""

    class Counter(ms.operator.CustomOp):
        def __init__(self):
            self.runs = 0

        def forward(self, is_train, req, in_data, out_data, aux):  # noqa: ARG002
            self.runs += 1
            self.assign(out_data[0], req[0], in_data[0] + self.runs)

    @ms.operator.register("test_counter")
    class CounterProp(ms.operator.CustomOpProp):
        def create_operator(self, *_):
            return Counter()

    return ms.sym.Custom(ms.sym.Variable("x"), op_type="test_counter", name="c")


@pytest.fixture
def scale():
    return ms.sym.Custom(ms.sym.Variable("x"), op_type="test_scale", factor=2.5, name="s")


class TestComposing:
    def test_the_prop_says_what_the_inputs_are(self, scale):
        assert scale.list_arguments() == ["x", "s_weight"]
        assert scale.list_auxiliary_states() == ["s_runs"]
        assert scale.infer_shape(x=(4, 3)) == ([(4, 3), (3,)], [(4, 3)], [(1,)])

    def test_a_file_keeps_it(self, scale):
        again = ms.sym.load_json(scale.tojson())
        assert ms.Graph(again) == ms.Graph(scale)
        assert again.attr("factor") == "2.5"

    def test_a_file_with_an_op_that_is_not_registered_can_be_read(self, scale):
        text = scale.tojson().replace("test_scale", "nobody_has_this")
        assert ms.sym.load_json(text).list_arguments() == ["x", "s_weight", "s_runs"]

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"op_type": "nobody_has_this"}, "nobody_has_this"),
            ({}, "op_type"),
            ({"op_type": "test_scale", "bad": 1}, "bad"),
        ],
    )
    def test_mistakes_are_found_when_composing(self, given, message):
        with pytest.raises(ms.MinisymError, match=message):
            ms.sym.Custom(ms.sym.Variable("x"), **given)

    def test_what_the_prop_does_wrong_is_said(self):
        prop_of("test_two_shapes", infer_shape=lambda self, s: (s, [s[0], s[0]]))
        symbol = ms.sym.Custom(ms.sym.Variable("x"), op_type="test_two_shapes")
        with pytest.raises(ms.MinisymError, match="test_two_shapes"):
            symbol.infer_shape(x=(2,))


class TestRunning:
    def bind(self, scale, grad_req="write"):
        x, w = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0])
        grads = {"x": np.ones((2, 2)), "s_weight": np.ones(2)}
        runs = np.zeros(1)
        return scale.bind(None, {"x": x, "s_weight": w}, grads, grad_req, {"s_runs": runs})

    def test_forward_and_backward_share_an_operator(self, scale):
        executor = self.bind(scale)
        out = executor.forward(is_train=True)[0]
        np.testing.assert_array_equal(out, [[2.5, 50], [7.5, 100]])
        executor.backward(np.ones((2, 2)))
        assert MADE[-1].seen == [("forward", True), ("backward", ["write", "write"])]
        np.testing.assert_array_equal(executor.grad_dict["x"], [[2.5, 25], [2.5, 25]])
        np.testing.assert_array_equal(executor.grad_dict["s_weight"], [10, 15])

    def test_gradients_are_added(self, scale):
        executor = self.bind(scale, "add")
        executor.forward(is_train=True)
        executor.backward(np.ones((2, 2)))
        np.testing.assert_array_equal(executor.grad_dict["s_weight"], [11, 16])

    def test_auxiliary_states_move_in_training_only(self, scale):
        executor = self.bind(scale)
        executor.forward(is_train=True)
        executor.forward(is_train=True)
        executor.forward(is_train=False)
        assert executor.aux_dict["s_runs"] == 2

    def test_operators_go_when_executors_go(self, counter):
        executor = counter.bind(args={"x": np.zeros(1)})
        executor.forward()
        ((kept,),) = [list(state.values()) for state in executor._binding.kept.values() if state]
        gone = weakref.ref(kept)
        del executor, kept
        gc.collect()
        assert gone() is None

    def test_an_operator_stays_when_the_run_is_watched(self, counter):
        """What looks on makes another plan of the same run: the operator counts on."""
        executor = counter.bind(args={"x": np.zeros(1)}, grad_req="null")
        seen = [executor.forward()[0].item() for _ in range(2)]
        assert executor.internals
        seen.append(executor.forward()[0].item())
        with executor.nan_guard():
            seen.append(executor.forward()[0].item())
        executor.set_monitor_callback(lambda name, value: None)
        seen.append(executor.forward()[0].item())
        seen.append(executor.step().finish()[0].item())
        seen.append(executor.forward()[0].item())
        assert seen == [1, 2, 3, 4, 5, 6, 7]

    @pytest.mark.usefixtures("counter")
    def test_loops_keep_the_operators_inside(self):
        def body(x, states):
            return ms.sym.Custom(x, op_type="test_counter", name="inside"), states

        outs, _ = ms.sym.contrib.foreach(body, ms.sym.Variable("d"), [])
        executor = outs.bind(args={"d": np.zeros((2, 1))}, grad_req="null")
        executor.forward()
        assert executor.internals
        assert executor.forward()[0].ravel().tolist() == [3, 4]

    def test_an_op_of_the_users_own_in_a_net(self):
        x = ms.sym.Variable("x")
        net = ms.sym.FullyConnected(ms.sym.Custom(x, op_type="test_scale", name="s"), num_hidden=2)
        loss = ms.sym.make_loss(ms.sym.sum(ms.sym.tanh(net)))
        executor = loss.simple_bind(x=(3, 4), grad_req="write")
        rng = np.random.default_rng(0)
        for array in executor.arg_dict.values():
            array[:] = rng.normal(size=array.shape)
        executor.forward(is_train=True)
        executor.backward()
        found = executor.grad_dict["s_weight"].asnumpy()
        weight = executor.arg_dict["s_weight"]
        for i in range(4):
            up, down = (self._shifted(executor, weight, i, step) for step in (1e-2, -1e-2))
            assert found[i] == pytest.approx((up - down) / 2e-2, rel=2e-2, abs=1e-3)

    @staticmethod
    def _shifted(executor, weight, i, step):
        weight[i] += step
        value = executor.forward()[0].asnumpy().item()
        weight[i] -= step
        return value

    def test_a_loss_needs_no_head(self):
        prop_of(
            "test_loss",
            __init__=lambda self: ms.operator.CustomOpProp.__init__(self, need_top_grad=False),
            create_operator=operator_of(
                forward=lambda self, req, in_data, out_data, **_: self.assign(
                    out_data[0], req[0], in_data[0]
                ),
                backward=lambda self, req, in_data, in_grad, **_: self.assign(
                    in_grad[0], req[0], in_data[0] - 1
                ),
            ),
        )
        loss = ms.sym.Custom(ms.sym.Variable("x"), op_type="test_loss")
        executor = loss.bind(None, {"x": np.array([3.0])}, {"x": np.zeros(1)})
        executor.forward(is_train=True)
        executor.backward()
        assert executor.grad_dict["x"] == 2

    def test_an_error_names_the_op(self):
        def fail(self, **_):
            raise RuntimeError("boom")

        prop_of("test_failing", create_operator=operator_of(forward=fail))
        symbol = ms.sym.Custom(ms.sym.Variable("x"), op_type="test_failing", name="bad")
        with pytest.raises(ms.MinisymError, match="bad") as caught:
            symbol.eval(x=np.ones(2))
        assert "boom" in str(caught.value)

    def test_inputs_are_read_only(self):
        def write(self, in_data, **_):
            in_data[0][:] = 0

        prop_of("test_writing", create_operator=operator_of(forward=write))
        x = np.ones(2)
        with pytest.raises(ms.MinisymError):
            ms.sym.Custom(ms.sym.Variable("x"), op_type="test_writing").eval(x=x)
        assert x.all()


# ----------------------------------------------------------------------- shapes that a run finds


class TestLateShapes:
    MASKS = ([1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1])

    @pytest.fixture
    def net(self):
        x, m, w = (ms.sym.Variable(name) for name in "xmw")
        kept = ms.sym.contrib.boolean_mask(x * 2, m, name="kept")
        fc = ms.sym.FullyConnected(ms.sym.tanh(kept), w, num_hidden=2, no_bias=True, name="fc")
        flat = ms.sym.Reshape(fc, shape=(-1,), name="flat")
        return ms.Group([flat, ms.sym.sum(flat * flat)])

    @pytest.fixture
    def arrays(self):
        rng = np.random.default_rng(0)
        return {"x": rng.normal(size=(4, 3)), "m": np.ones(4), "w": rng.normal(size=(2, 3))}

    def test_inference_says_what_is_known(self, net):
        known = net.get_internals()["kept_output"].infer_shape_partial(x=(4, 3))[1]
        assert known == [(0, 3)]

    @pytest.mark.parametrize("mask", MASKS)
    def test_values_and_gradients(self, net, arrays, mask):
        grads = {"x": np.full((4, 3), np.nan), "w": np.full((2, 3), np.nan)}
        executor = net.bind(None, arrays, grads)
        arrays["m"][:] = mask
        chosen = np.array(mask, bool)

        def expected(x):
            flat = np.tanh(2 * x[chosen]) @ arrays["w"].T
            return flat.reshape(-1)

        flat, loss = executor.forward(is_train=True)
        np.testing.assert_allclose(flat, expected(arrays["x"]))
        np.testing.assert_allclose(loss, [(expected(arrays["x"]) ** 2).sum()])
        executor.backward([np.ones(flat.shape), np.ones(1)])
        by_flat = (1 + 2 * expected(arrays["x"])).reshape(-1, 2)
        inner = np.tanh(2 * arrays["x"][chosen])
        np.testing.assert_allclose(executor.grad_dict["w"], by_flat.T @ inner)
        by_x = np.zeros((4, 3))
        by_x[chosen] = by_flat @ arrays["w"] * (1 - inner**2) * 2
        np.testing.assert_allclose(executor.grad_dict["x"], by_x)

    def test_one_executor_runs_with_any_mask(self, net, arrays):
        executor = net.bind(None, arrays)
        assert executor.internals  # from now on all are kept
        for mask in self.MASKS:
            executor.arg_dict["m"][:] = mask
            assert executor.forward()[0].shape == (2 * sum(mask),)
            assert executor.internals["kept_output"].shape == (sum(mask), 3)

    def test_it_can_be_stepped_through_and_monitored(self, net, arrays):
        executor = net.bind(None, arrays)
        arrays["m"][:] = [1, 0, 0, 0]
        *_, last = executor.step()
        assert last.node.name
        seen = {}
        executor.set_monitor_callback(lambda name, array: seen.update({name: array.shape}))
        executor.forward()
        assert seen["kept_output"] == (1, 3)

    def test_eager(self):
        kept = ms.nd.contrib.boolean_mask(np.eye(3), np.array([0.0, 1.0, 1.0]))
        np.testing.assert_array_equal(kept, np.eye(3)[1:])

    def test_second_order(self):
        x, m = ms.sym.Variable("x"), ms.sym.Variable("m")
        kept = ms.sym.contrib.boolean_mask(x, m)
        twice = ms.grad(ms.grad(ms.sym.sum(kept**3), "x"), "x")
        found = twice.eval(x=np.array([[1.0], [2.0]]), m=np.array([0.0, 1.0]))[0]
        np.testing.assert_allclose(found, [[0], [12]])


def boom(*_):
    raise RuntimeError("boom")


@pytest.mark.parametrize(
    ("methods", "kind", "text"),
    [
        ({"__init__": boom}, ms.ParamError, r"cannot be made of these parameters: .*boom"),
        ({"list_arguments": boom}, ms.ComposeError, r"list_arguments of '\w+' failed: .*boom"),
        ({"list_outputs": boom}, ms.ComposeError, r"list_outputs of '\w+' failed: .*boom"),
        ({"list_outputs": lambda self: 3}, ms.ComposeError, r"list_outputs of '\w+' failed"),
        ({"declare_backward_dependency": boom}, ms.ComposeError, r"backward_dependency of .*boom"),
        (
            {"infer_shape": lambda self, s: (s, [[2.5]], [])},
            ms.ShapeError,
            r"says \[2.5\] of output",
        ),
        ({"infer_shape": lambda self, s: (s, [3], [])}, ms.ShapeError, "says 3 of output"),
        ({"infer_shape": lambda self, s: (s, [[-3]], [])}, ms.ShapeError, r"says \[-3\] of output"),
        (
            {"infer_type": lambda self, t: (t, ["float31"], [])},
            ms.DtypeError,
            "'float31' of output",
        ),
        ({"infer_type": lambda self, t: (t, [np.complex64], [])}, ms.DtypeError, "of output"),
        ({"create_operator": boom}, ms.ExecutionError, "boom"),
    ],
)
def test_what_a_users_class_raises_or_returns_is_told_as_its_own(methods, kind, text):
    name = f"odd_{next(iter(methods)).strip('_')}"
    prop_of(name, **methods)
    with pytest.raises(kind, match=text):
        ms.sym.Custom(ms.sym.Variable("x"), op_type=name).simple_bind(x=(2,)).forward()
