from headrace.counting import count


def test_one_thing_has_a_word_of_its_own():
    assert [count(number, "row") for number in (0, 1, 2, 12034)] == ["0 rows", "1 row", "2 rows", "12,034 rows"]
    assert [count(number, "is", "are") for number in (1, 2)] == ["1 is", "2 are"]
