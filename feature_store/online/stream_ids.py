"""Redis stream ids (`<ms>-<sequence>`): their order and their neighbours."""

__all__ = ["after_id", "id_of", "order_of"]


def order_of(stream_id: str) -> tuple[int, int]:
    """Sorts like the stream does; a missing sequence is 0."""
    ms, _, sequence = stream_id.partition("-")
    return int(ms), int(sequence or 0)


def id_of(order: tuple[int, int]) -> str:
    """Inverse of `order_of`."""
    return f"{order[0]}-{order[1]}"


def after_id(stream_id: str) -> str:
    """The smallest id that is greater."""
    ms, sequence = order_of(stream_id)
    return f"{ms}-{sequence + 1}"
