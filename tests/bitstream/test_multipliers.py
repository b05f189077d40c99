"""Which products do without a multiplier block."""

import pytest

from taxonn_hw.bitstream.multipliers import Product, choose_soft, read_products

DUMP = r"""
  attribute \src "somewhere"
  cell $mul $flatten\lane_0.$7
    parameter \A_SIGNED 1
    parameter \A_WIDTH 8
    parameter \B_SIGNED 1
    parameter \B_WIDTH 12
    parameter \Y_WIDTH 20
    connect \A \a
  end
  cell $mul \named
    parameter \A_WIDTH 4
    parameter \B_WIDTH 5
  end
"""


def product(cell, a, b):
    return Product(cell=cell, a=a, b=b)


def test_products_are_read():
    assert read_products(DUMP) == [product(r"$flatten\lane_0.$7", 8, 12), product(r"\named", 4, 5)]


@pytest.mark.parametrize(("family", "excess", "chosen"), [
    ("ecp5", 0, []),
    ("ecp5", 1, ["small"]),
    ("ecp5", 2, ["small", "middle"]),
    ("ecp5", 3, ["small", "middle", "large"]),  # 20 by 12 bits take two blocks
    ("ecp5", 4, ["small", "middle", "large"]),
    ("ice40", 1, ["middle"]),                   # 4 by 5 bits never take one there
    ("ecp5", 99, ["small", "middle", "large"]),
])
def test_the_cheapest_go_first(family, excess, chosen):
    products = [product("large", 20, 12), product("small", 4, 5), product("middle", 8, 12)]
    assert choose_soft(products, family, excess) == chosen
