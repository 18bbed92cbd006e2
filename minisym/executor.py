"""MXNet's module of executors: `ms.executor.Executor`."""

from minisym.runtime.executor import Executor

__all__ = ["Executor"]
