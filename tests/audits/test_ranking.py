"""The best few of many: what is not wanted may be passed over without a change to what is kept."""

from hypothesis import given
from hypothesis import strategies as st

from audits.ranking import Smallest


@given(st.lists(st.integers(0, 50), max_size=60, unique=True), st.integers(1, 6))
def test_passing_over_what_is_not_wanted_keeps_the_same_entries_and_counts_all(keys, limit):
    every, wanted = Smallest[int](limit), Smallest[int](limit)
    for key in keys:
        every.offer(key, key)
        if wanted.wants(key):
            wanted.offer(key, key)
        else:
            wanted.pass_over()
    assert wanted.entries() == every.entries() == sorted(keys)[:limit]
    assert wanted.offered == every.offered == len(keys)


def test_an_entry_worse_than_a_full_list_is_not_wanted():
    best = Smallest[str](1)
    best.offer(2, "two")
    assert best.wants(1)
    assert not best.wants(3)
