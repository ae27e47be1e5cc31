"""Work on several threads: in order, few ahead, and the first failure."""

import pytest

from kmq._ground.threads import in_order


@pytest.mark.both_ways
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_come_in_order_and_few_items_are_taken_ahead(threads):
    taken = []

    def items():
        for number in range(60):
            taken.append(number)
            yield number

    results = []
    for result in in_order(lambda number: number**2, items(), threads):
        results.append(result)
        assert len(taken) <= len(results) + 2 * threads
    assert results == [number**2 for number in range(60)]


@pytest.mark.both_ways
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_the_first_failure_is_raised_and_little_is_done_after_it(threads):
    done = []

    def work(number):
        done.append(number)
        if number in (5, 6, 9):
            raise ValueError(number)
        return number

    results = []
    with pytest.raises(ValueError, match="5"):
        results.extend(in_order(work, range(1000), threads))
    assert max(done) <= 5 + 2 * threads


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_where_items_end_in_an_error_what_came_before_is_first(threads):
    """As where a file that is read ends, after a tile that is damaged or not."""

    def items():
        yield from range(3)
        raise OSError("the file ends")

    results = []
    with pytest.raises(OSError, match="the file ends"):
        results.extend(in_order(lambda number: 2 * number, items(), threads))
    assert results == [0, 2, 4]
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda number: 1 // number, items(), threads))
