from __future__ import annotations

from pathlib import Path

from grpcmock.schema import Registry, sources
from grpcmock.schema.comments import comments_of

PROTO = """
syntax = "proto3";
package shop;
// Sells things.
//   In a list.
service Shop {
  // Buys one.
  rpc Buy(Order) returns (Order);
  rpc Look(Order) returns (Order);
}
// An order.
message Order {
  // How many.
  int32 count = 1;
  int32 bare = 2;  // Behind it.
  // What is inside.
  message Inner {
    // Deep down.
    string name = 1;
  }
  // How it goes.
  enum State {
    // Nobody knows.
    STATE_UNSPECIFIED = 0;
  }
}
"""


def test_comments_are_found_by_the_names_they_stand_above(tmp_path: Path) -> None:
    (tmp_path / "shop.proto").write_text(PROTO)
    found = comments_of(sources.load([tmp_path]))
    assert {name: text for name, text in found.items() if name.startswith("shop.")} == {
        "shop.Shop": "Sells things.\n  In a list.",
        "shop.Shop.Buy": "Buys one.",
        "shop.Order": "An order.",
        "shop.Order.count": "How many.",
        "shop.Order.bare": "Behind it.",
        "shop.Order.Inner": "What is inside.",
        "shop.Order.Inner.name": "Deep down.",
        "shop.Order.State": "How it goes.",
        "shop.Order.State.STATE_UNSPECIFIED": "Nobody knows.",
    }


def test_descriptors_without_comments_have_none(tmp_path: Path) -> None:
    (tmp_path / "shop.proto").write_text(PROTO)
    files = sources.load([tmp_path]).files
    for file in files.file:
        file.ClearField("source_code_info")
    assert not comments_of(Registry(files))
