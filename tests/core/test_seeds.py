from hypothesis import given
from hypothesis import strategies as st

from enpire.core import seeds

keys = st.binary(min_size=32, max_size=32)
classes = st.sampled_from(["search", "confirm", "claim"])


@given(keys, st.lists(st.integers(0, 2**28 - 1), unique=True, max_size=50), classes)
def test_seeds_of_a_class_never_repeat(key, indices, seed_class):
    drawn = [seeds.seed(key, seed_class, i) for i in indices]
    assert len(set(drawn)) == len(drawn)


@given(keys, st.integers(0, 2**28 - 1), classes)
def test_a_seed_is_31_bits_and_knows_its_class(key, index, seed_class):
    value = seeds.seed(key, seed_class, index)
    assert 0 <= value < 2**31
    assert seeds.class_of(value) == seed_class


def test_classes_are_disjoint():
    drawn = {c: {seeds.seed(b"k" * 32, c, i) for i in range(2000)} for c in ("search", "confirm", "claim")}
    assert not drawn["search"] & drawn["confirm"] | drawn["search"] & drawn["claim"] | drawn["confirm"] & drawn["claim"]


def test_another_key_gives_other_seeds():
    a = [seeds.seed(b"a" * 32, "claim", i) for i in range(100)]
    b = [seeds.seed(b"b" * 32, "claim", i) for i in range(100)]
    assert len(set(a) & set(b)) <= 1
