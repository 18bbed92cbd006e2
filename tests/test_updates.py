"""The update ops: MXNet 1.9.1's values over three steps, and exactly the writes that are declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import update_cases

import minisym as ms
from minisym import sym

FIXTURE = Path(__file__).parent / "fixtures" / "updates.npz"
RECORDED = np.load(FIXTURE, allow_pickle=False)
CASES = list(update_cases.cases())
each_case = pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])

def compose(op: str, slots: Any, setting: Any) -> ms.Symbol:
    variables = {name: sym.Variable(name) for name, _ in slots}
    declared = ms.op.get(op)
    function = getattr(sym, op)
    if declared.variadic:
        return function(*variables.values(), **setting, name="t")
    return function(**variables, **setting, name="t")


def at_once(op: str, arrays: Any, outs: Any, setting: Any) -> Any:
    """Call `ms.nd` with the weights as out=."""
    targets = [arrays[name] for name in outs]
    given = {"out": targets if len(targets) > 1 else targets[0]} if targets else {}
    return getattr(ms.nd, op)(*arrays.values(), **setting, **given)

import collections
worst=collections.defaultdict(float)
for case in CASES:
    name, op, slots, outs, dtype, setting = case
    arrays, later = update_cases.inputs(name, slots, dtype)
    raw = RECORDED[name].tobytes(); at=0
    symbol = compose(op, slots, setting)
    for fresh in [{}]+later:
        arrays={**arrays,**fresh}
        mine={k:v.copy() for k,v in arrays.items()}
        ex=symbol.bind(args={n:mine[n] for n in symbol.list_arguments()},aux_states={n:mine[n] for n in symbol.list_auxiliary_states()})
        o=ex.forward()
        if not outs and op!='reset_arrays':
            for x in o:
                x=x.asnumpy()
                w=np.frombuffer(raw,x.dtype,x.size,at).reshape(x.shape); at+=w.nbytes
                if not np.array_equal(w,x,equal_nan=True):
                    with np.errstate(all='ignore'):
                        d=np.nanmax(np.abs(w.astype(float)-x)/np.maximum(np.finfo(x.dtype).eps*np.abs(w.astype(float)),np.finfo(x.dtype).tiny)) if np.array_equal(np.isnan(w),np.isnan(x)) else np.inf
                    worst[op,str(dtype),'out']=max(worst[op,str(dtype),'out'],d)
        for slot,kind in slots:
            if kind in update_cases.KEPT:
                x=mine[slot]
                w=np.frombuffer(raw,x.dtype,x.size,at).reshape(x.shape); at+=w.nbytes
                if not np.array_equal(w,x,equal_nan=True):
                    with np.errstate(all='ignore'):
                        same=np.array_equal(np.isnan(w),np.isnan(x)) and np.array_equal(np.isinf(w),np.isinf(x))
                        f=np.isfinite(w)
                        scale=np.maximum(np.abs(w.astype(float)), np.abs(arrays[slot].astype(float)))
                        d=np.max((np.abs(w.astype(float)-x)/np.maximum(np.finfo(x.dtype).eps*scale,np.finfo(x.dtype).tiny))[f]) if same else np.inf
                    worst[op,str(dtype),slot[:4]]=max(worst[op,str(dtype),slot[:4]],d)
                arrays[slot]=w.copy()
    assert at==len(raw),name
for k,v in worst.items(): print(k,v)
