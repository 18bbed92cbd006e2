"""What each peer has to be told once, before it does any work."""

from __future__ import annotations

import os


def set_up(ms, way):
    """Choose minisym's engine: NumPy, or compiled loops, on one worker or more."""
    if hasattr(ms, "set_num_threads"):
        ms.set_num_threads(1 if way.name == "BLAS" else way.threads)
    if hasattr(ms, "set_compile"):
        ms.set_compile("always" if way.name == "fast" else "never")


def set_up_torch(torch, way):
    """Choose the number of threads; weights are no one's parameters unless a case says so."""
    torch.set_num_threads(way.threads)
    torch.manual_seed(0)


def pytensor_mode(way):
    """Return the C virtual machine, which is ahead of the default on two cores."""
    from pytensor.compile.mode import Mode

    return Mode(linker="cvm", optimizer="fast_run")


def set_up_jax(way):
    """Keep JAX to one CPU where it is to use one thread: it makes one for each that it may use."""
    if way.threads == 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def onnx_session(way, nodes, inputs, output, *, whole=False):
    """Return a session of onnxruntime that runs these nodes and weights."""
    import onnxruntime
    from onnx import TensorProto, helper

    kind = TensorProto.INT64 if whole else TensorProto.FLOAT
    told = [helper.make_tensor_value_info(n, kind, s) for n, s in inputs.items()]
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes.nodes, "net", told, [result], nodes.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = way.threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
