"""Time what several processes make together, beside what `ms.parallel.predict` says of it.

    minisym launch -n 2 scripts/time_together.py [--elements 25000000] [--batch 64]

First the wire: messages of 8 bytes and of 8 MB from the first process to the last and back. Then
votes and means of so many elements, and steps of an MLP of 3.6 million parameters. With one process
(`python scripts/time_together.py`) only the steps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import minisym as ms
from minisym import sym

WIDTH = 1536
LARGE, HUGE = 8 << 20, 128 << 20


def shortest(work: Callable[[], object], comm: Any, seconds: float) -> float:
    """Return the shortest time of a work that all do together; the slowest process counts."""
    found: list[float] = []
    end = time.perf_counter() + seconds
    go_on = True
    while go_on:
        if comm is not None:
            comm.Barrier()
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
        go_on = len(found) < 3 or time.perf_counter() < end
        if comm is not None:
            go_on, found[-1] = comm.bcast(go_on), max(comm.allgather(found[-1]))
    return min(found)


def wire(comm: Any) -> tuple[float, float]:
    """Return the seconds of a short message, and the bytes a second of long ones."""
    times = {}
    for size in (8, LARGE):
        data = np.zeros(size, np.uint8)
        found = []
        for _ in range(30):
            comm.Barrier()
            begin = time.perf_counter()
            if comm.rank == 0:
                comm.Send(data, dest=comm.size - 1)
                comm.Recv(data, source=comm.size - 1)
            elif comm.rank == comm.size - 1:
                comm.Recv(data, source=0)
                comm.Send(data, dest=0)
            found.append((time.perf_counter() - begin) / 2)
        times[size] = comm.bcast(min(found))
    return times[8], LARGE / times[LARGE]


def exchanges(comm: Any, elements: int, seconds: float) -> list[str]:
    """Time votes and means; return what there is to tell."""
    latency, bandwidth = wire(comm)
    peers = ms.parallel.Peers(comm)
    costs = ms.parallel.Costs.measured(elements)
    told = [
        f"message {1e6 * latency:.1f} µs, {bandwidth / 1e9:.2f} GB/s",
        "ns an element: " + ", ".join(f"{n} {1e9 * cost:.2f}" for n, cost in vars(costs).items()),
    ]
    x = np.random.default_rng(comm.rank).normal(size=elements).astype(np.float32)
    out = np.empty_like(x)
    works = {"majority_vote": peers.vote, "mean": peers.mean}
    for name, work in works.items():
        took = shortest(lambda work=work: work([x], [out]), comm, seconds)  # type: ignore[misc]
        model = ms.parallel.predict(
            elements, comm.size, name, latency=latency, bandwidth=bandwidth, costs=costs
        )
        told.append(f"{name}: {1e3 * took:.1f} ms, predicted {1e3 * model.exchange:.1f} ms")
        if name == "majority_vote":
            alone = elements * (costs.pack + costs.unpack)
            told[-1] += f", {took / alone:.2f} times pack and unpack ({1e3 * alone:.1f} ms)"
    told.append(overlap(comm, seconds))
    return told


def overlap(comm: Any, seconds: float) -> str:
    """Time products of matrices, messages, and the products between start and end of messages."""
    a = np.random.default_rng(0).normal(size=(768, 768)).astype(np.float32)
    give, take = np.ones((2, HUGE), np.uint8)
    other = comm.rank ^ 1

    def compute() -> None:
        for _ in range(4):
            a @ a

    def start() -> list[Any]:
        if other >= comm.size:
            return []
        return [comm.Irecv(take, source=other), comm.Isend(give, dest=other)]

    def both() -> None:
        requests = start()
        compute()
        for one in requests:
            one.Wait()

    alone = shortest(compute, comm, seconds)
    sent = shortest(lambda: [one.Wait() for one in start()], comm, seconds)
    together = shortest(both, comm, seconds)
    return (
        f"products {1e3 * alone:.2f} ms, messages of {HUGE >> 20} MB {1e3 * sent:.2f} ms, "
        f"products while they travel {1e3 * together:.2f} ms"
    )


def steps(comm: Any, name: str, batch: int, seconds: float) -> str:
    """Time training steps; return what there is to tell."""
    x = sym.Variable("data")
    for i in range(2):
        x = sym.FullyConnected(x, num_hidden=WIDTH, name=f"fc{i}")
        x = sym.Activation(x, act_type="relu", name=f"relu{i}")
    loss = sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="out"), name="softmax")
    optimizer = ms.optimizer.create(name, learning_rate=1e-3, rescale_grad=1 / batch)
    step = optimizer.minimize(loss)
    step = step if comm is None else ms.parallel.data_parallel(step)
    executor = step.simple_bind(data=(batch, 784), comm=comm)
    rng = ms.parallel.seed(0, comm)
    data, labels = rng.normal(size=(batch, 784)), rng.integers(0, 10, batch)
    feed = {"data": data.astype("f4"), "softmax_label": labels.astype("f4")}
    for _ in range(20):  # the executor chooses between ways to run in its first runs
        optimizer.step(executor, **feed)
    took = shortest(lambda: optimizer.step(executor, **feed), comm, seconds)
    size = 1 if comm is None else comm.size
    return f"{name}: {1e3 * took:.2f} ms a step, {size * batch / took:,.0f} rows a second"


def main() -> None:
    """Measure; the first process tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elements", type=int, default=25_000_000)
    parser.add_argument("--batch", type=int, default=64, help="rows of each process in a step")
    parser.add_argument("--seconds", type=float, default=5, help="for each measurement")
    options = parser.parse_args()
    comm = ms.parallel.world()
    told = exchanges(comm, options.elements, options.seconds) if comm and comm.size > 1 else []
    told += [steps(comm, name, options.batch, options.seconds) for name in ("signum", "sgd")]
    if ms.parallel.is_first(comm):
        print(*told, sep="\n")


if __name__ == "__main__":
    main()
