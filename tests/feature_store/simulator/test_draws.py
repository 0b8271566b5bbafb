import numpy as np

from feature_store.simulator.draws import Draws

KEYS = np.arange(50_000, dtype=np.int64)


def test_a_draw_depends_on_its_own_keys_only() -> None:
    draws = Draws(1)
    whole = draws.uniform("x", KEYS)
    assert np.array_equal(whole[100:200], draws.uniform("x", KEYS[100:200]))
    assert np.array_equal(whole[::-1], draws.uniform("x", KEYS[::-1]))


def test_keys_broadcast_like_arrays() -> None:
    draws = Draws(1)
    table = draws.uniform("x", KEYS[:5, None], np.arange(3)[None, :])
    assert table.shape == (5, 3)
    assert table[4, 2] == draws.uniform("x", 4, 2)[0]


def test_seed_purpose_and_key_order_all_matter() -> None:
    base = Draws(1).uniform("x", 3, 4)[0]
    others = [Draws(2).uniform("x", 3, 4)[0], Draws(1).uniform("y", 3, 4)[0], Draws(1).uniform("x", 4, 3)[0]]
    assert base not in others


def test_uniforms_fill_the_unit_interval_evenly() -> None:
    u = Draws(1).uniform("x", KEYS)
    counts = np.bincount((u * 10).astype(int), minlength=10)
    assert u.min() >= 0
    assert u.max() < 1
    assert np.abs(counts / len(KEYS) - 0.1).max() < 0.01


def test_two_purposes_are_uncorrelated() -> None:
    draws = Draws(1)
    assert abs(np.corrcoef(draws.uniform("x", KEYS), draws.uniform("y", KEYS))[0, 1]) < 0.02


def test_neighbouring_keys_are_uncorrelated() -> None:
    u = Draws(1).uniform("x", KEYS)
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.02


def test_normals_have_mean_zero_and_unit_variance() -> None:
    z = Draws(1).normal("x", KEYS)
    assert np.isfinite(z).all()
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02


def test_choices_come_in_proportion_to_their_shares() -> None:
    picked = Draws(1).choice("x", (1.0, 2.0, 1.0), KEYS)
    assert np.allclose(np.bincount(picked) / len(KEYS), [0.25, 0.5, 0.25], atol=0.01)


def test_integers_stay_below_their_limit() -> None:
    limits = 1 + KEYS % 3
    picked = Draws(1).below("x", limits, KEYS)
    assert (picked < limits).all()
    assert (picked >= 0).all()
    assert set(picked.tolist()) == {0, 1, 2}
