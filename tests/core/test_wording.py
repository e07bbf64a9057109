from __future__ import annotations

from rnnet.core.wording import listed


def test_a_short_list_is_said_whole():
    assert listed(("a", "b")) == "a, b"
    assert listed([]) == ""


def test_a_long_list_says_how_many_more_there_are():
    assert listed("abcdefgh") == "a, b, c, d, e and 3 more"
    assert listed(range(3), 2, separator="; ") == "0; 1 and 1 more"


def test_a_list_that_just_fits_has_no_more():
    assert listed("abcde") == "a, b, c, d, e"
