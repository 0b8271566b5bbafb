"""One memory, a page for each worker: exact sums, successors that go on counting, and nothing that fails a request."""

import os
import threading

import pytest

from serving.shared_numbers import Board


def test_what_one_page_counts_every_reader_of_the_board_sees_at_once() -> None:
    board = Board(2)
    board.page(2).cells("b\0c", 3)[1] = 2.5
    board.page(1).cells("é" * 7, 1)[0] = -1.0
    assert board.read() == [{"é" * 7: [-1.0]}, {"b\0c": [0.0, 2.5, 0.0]}]


def test_whoever_takes_a_page_over_goes_on_with_its_cells() -> None:
    board = Board()
    before = board.page(1)
    before.cells("a", 2)[0] = 1.0
    after = board.page(1)
    after.cells("a", 2)[0] += 1.0
    after.cells("b", 1)[0] += 1.0
    assert board.read() == [{"a": [2.0, 0.0], "b": [1.0]}]


def test_a_full_page_loses_metrics_and_nothing_else() -> None:
    board = Board(2, room=4096)
    page = board.page(1)
    for number in range(500):
        page.cells(f"key-{number}", 3)[0] += 1.0
    kept = board.read()
    assert 50 < len(kept[0]) < 500
    assert all(cells == [1.0, 0.0, 0.0] for cells in kept[0].values())
    assert kept[1] == {}


def test_a_forked_process_counts_where_its_parent_reads() -> None:
    board = Board(3)
    for worker in (1, 2, 3):
        pid = os.fork()
        if not pid:
            cells = board.page(worker).cells("n", 1)
            for _ in range(1000):
                cells[0] += worker
            os.kill(os.getpid(), 9)
        os.waitpid(pid, 0)
    assert board.read() == [{"n": [1000.0]}, {"n": [2000.0]}, {"n": [3000.0]}]


@pytest.mark.parametrize("names", [1, 200])
def test_threads_share_a_page(names: int) -> None:
    board = Board()
    page = board.page(1)

    def ask() -> None:
        for number in range(names):
            page.cells(f"key-{number}", 2)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert board.read() == [{f"key-{number}": [0.0, 0.0] for number in range(names)}]
