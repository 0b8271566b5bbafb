"""Support for tests and benchmarks: a shop with planted structure, logs by rows, a search for shoppers in files."""

from recsys.testing.logs import Row, log_of
from recsys.testing.shop import Planted, Shop, ShopSize, build_shop
from recsys.testing.traces import files_naming, files_shaped

__all__ = ["Planted", "Row", "Shop", "ShopSize", "build_shop", "files_naming", "files_shaped", "log_of"]
