"""What is laid over a catalogue while it is served takes the memory of what it says."""

import tracemalloc

from recsys.documents import Documents, encode_item
from recsys.types import Item, Offer

COUNT = 2_000


def test_a_changed_document_keeps_no_buffer_alive() -> None:
    documents = Documents.build([None] * COUNT)
    items = [Item(item_id=str(n), offers=(Offer(sku=f"s{n}", price=1.0 + n),)) for n in range(COUNT)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for code, item in enumerate(items):
            documents.put(code, encode_item(item))
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    written = sum(len(documents.document(code)) for code in range(COUNT))
    assert held < written + COUNT * 300  # an object, its key and its place
