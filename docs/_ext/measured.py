"""What pages say of the size of minisym, counted when they are built."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from count_lines import reading
from op_page import names_of

from minisym.core.op import registered


def measured() -> dict[str, str]:
    """Count the core, its parts, and the ops."""
    parts = reading()
    code = sum(part[2] for part in parts)
    every = sum(part[1] for part in parts)
    ops = sum(bool(names_of(op)) for op in set(registered().values()))
    return {
        "core_code": f"{round(code, -2):,}",
        "core_lines": f"{round(every, -2):,}",
        "core_parts": ", ".join(f"{name} {lines:,}" for name, _, lines in parts),
        "ops": f"{ops // 10 * 10}",
    }
