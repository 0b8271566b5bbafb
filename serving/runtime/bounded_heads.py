"""HTTP as uvicorn speaks it, with a bound on the head of a request: its own parser takes headers of any length.

Invariant: of a head at most `HEAD_BYTES` and two reads of the socket are held in memory.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_BYTES", "BoundedHeads"]

HEAD_BYTES: Final = 64 * 1024


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 to a request whose head goes on past the bound, and hangs up."""

    _head_bytes: int | None = None
    """Received of a head that has not ended, since the read in which it began; None outside a head."""

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        before = self._head_bytes
        super().data_received(data)
        # What came with the beginning or the end of a head may belong to a body.
        if before is not None and self._head_bytes is not None:
            self._head_bytes = before + len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(f"The head of a request may have {HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self._head_bytes = None
        super().on_headers_complete()
