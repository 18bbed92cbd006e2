"""MXNet's module of automatic names: `ms.name.NameManager`, `ms.name.Prefix`."""

from minisym.core.naming import NameManager, Prefix

__all__ = ["NameManager", "Prefix"]
