"""Passes: plain functions that read a graph.

There is one signature: *the graph comes first, and nothing is changed*. What a pass needs besides
(shapes, names, where to stop) are its further parameters; what it gives is what it returns. So one
pass hands another what that needs by ordinary data flow, and no pass hangs anything on a node.

* A **rewrite** returns another graph: `minisym.passes.rewrite` says what it may promise, verifies
  that it keeps it, and runs several one after the other.
* A **question** returns what it found, keyed by nodes or entries: `infer_shapes` the shape of each
  entry, `order_writes` an order and the writes, `gradient` the entries of the gradients, `flops`
  how much a node computes, `verify` nothing, or an error.
"""
