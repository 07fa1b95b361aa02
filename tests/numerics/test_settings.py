"""Settings of a flow: what is refused at the door."""

from __future__ import annotations

import pytest

from numerics.integrator import Settings


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"t_max": "1"}, "t_max = '1'; it must be a number"),
        ({"t_max": True}, "it must be a number"),
        ({"t_max": 1, "rtol": None}, "rtol = None; it must be a number"),
        ({"t_max": 1, "levels": 3.0}, r"levels = 3.0; it must be a sequence"),
        ({"t_max": 1, "levels": ["a"]}, "an entry of levels = 'a'"),
        ({"t_max": 1, "times": "abc"}, "times = 'abc'; it must be a sequence"),
        ({"t_max": 1, "points_per_decade": 2.5}, "it must be an integer"),
        ({"t_max": 1, "max_seconds": "2"}, "max_seconds = '2'; it must be a number"),
        ({"t_max": 1, "max_state_bytes": "a"}, "max_state_bytes = 'a'; it must be a number"),
        ({"t_max": 1, "progress": 3}, "progress = 3; it must be a function"),
    ],
)
def test_settings_of_a_wrong_type_are_refused_in_words(settings, word):
    with pytest.raises(ValueError, match=word):
        Settings(**settings)
