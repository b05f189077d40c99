"""Which products are made of look-up tables when a device has too few multiplier blocks.

The cheapest ones, just as many as are needed: what a product takes in look-up tables grows with
the product of its widths (shared measurements: 57 LUT4 for 4 by 4 bits, 717 for 12 by 12).
"""

import re
from dataclasses import dataclass

__all__ = ["Product", "choose_soft", "read_products"]

#: Widest factor of one block, and the sum of widths from which synthesis uses one at all.
_WIDEST = {"ice40": 16, "ecp5": 18}
_NARROWEST_SUM = {"ice40": 11, "ecp5": 2}

_CELL = re.compile(r"^\s*cell \$mul (\S+)\n(.*?)^\s*end$", re.M | re.S)
_WIDTH = re.compile(r"^\s*parameter \\([AB])_WIDTH (\d+)$", re.M)


@dataclass(frozen=True, kw_only=True)
class Product:
    """A multiplication in a flat design: its cell, and the widths of its factors."""

    cell: str
    a: int
    b: int

    def blocks(self, family: str) -> int:
        """Return the multiplier blocks that it takes."""
        if self.a + self.b < _NARROWEST_SUM[family]:
            return 0
        return -(-self.a // _WIDEST[family]) * -(-self.b // _WIDEST[family])


def read_products(text: str) -> list[Product]:
    """Return the products in what Yosys' ``dump t:$mul`` prints."""
    products = []
    for cell, body in _CELL.findall(text):
        widths = {name: int(width) for name, width in _WIDTH.findall(body)}
        products.append(Product(cell=cell, a=widths["A"], b=widths["B"]))
    return products


def choose_soft(products: list[Product], family: str, excess: int) -> list[str]:
    """Return the cells that must do without blocks to save ``excess`` of them.

    All that use blocks, if that does not suffice.
    """
    chosen = []
    for product in sorted(products, key=lambda p: (p.a * p.b, p.cell)):
        if excess <= 0:
            break
        if saved := product.blocks(family):
            chosen.append(product.cell)
            excess -= saved
    return chosen
