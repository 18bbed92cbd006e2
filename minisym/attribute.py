"""MXNet's module of attribute scopes: `ms.attribute.AttrScope`."""

from minisym.core.naming import AttrScope

__all__ = ["AttrScope"]
