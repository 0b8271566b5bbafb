from serving.lists.logged import LogBudget


def test_a_quiet_shop_logs_every_list_and_a_busy_one_so_many_a_second() -> None:
    now = 100.0
    budget = LogBudget(10, lambda: now)
    taken = 0
    for _ in range(1000):  # 10 s at 100 lists a second
        now += 0.01
        taken += budget.take()
    assert 100 <= taken <= 112
    quiet = [budget.take()]
    for _ in range(50):
        now += 0.2
        quiet.append(budget.take())
    assert all(quiet[1:])


def test_nothing_is_logged_where_nothing_is_wanted() -> None:
    assert not LogBudget(0, lambda: 1e9).take()
