"""Support for tests and benchmarks only: a shop with planted structure, and a search for shoppers in files."""

from recsys.testing.shop import Planted, Shop, ShopSize, build_shop
from recsys.testing.traces import files_naming, files_shaped

__all__ = ["Planted", "Shop", "ShopSize", "build_shop", "files_naming", "files_shaped"]
