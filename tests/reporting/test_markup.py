from __future__ import annotations

import base64
import re

import pytest
from matplotlib.image import imsave
from numpy import zeros

from rnnet.core.errors import MissingStageError
from rnnet.reporting.markup import Figure, Html, data_table, element, figure, joined


def test_text_and_attributes_are_escaped_and_elements_are_not():
    made = element("p", "a < b & \"c\"", element("b", "<x>"), class_='"><script>')
    assert made == (
        '<p class="&quot;&gt;&lt;script&gt;">a &lt; b &amp; &quot;c&quot;<b>&lt;x&gt;</b></p>')
    assert joined([1, None, Html("<br>"), "<"]) == "1<br>&lt;"


def test_cells_of_a_table_are_escaped():
    made = data_table(("<h>",), [("<r>", "<c>"), (element("i", "x"), 2)], emphasised=[1])
    assert "<h>" not in made
    assert "<r>" not in made
    assert "<c>" not in made
    assert '<tr class="primary"><th scope="row"><i>x</i></th><td>2</td></tr>' in made


def test_a_picture_is_carried_inside_the_page(tmp_path):
    imsave(tmp_path / "a.png", zeros((4, 4)))
    made = figure(Figure("T <1>", "caption", tmp_path / "a.png"))
    encoded = re.search(r'src="data:image/png;base64,([^"]+)"', made)
    assert encoded is not None
    assert base64.b64decode(encoded.group(1)) == (tmp_path / "a.png").read_bytes()
    assert 'alt="T &lt;1&gt;"' in made


def test_a_picture_that_is_not_there_or_not_a_picture_is_named(tmp_path):
    with pytest.raises(MissingStageError, match="'T' is not there"):
        figure(Figure("T", "", tmp_path / "none.png"))
    (tmp_path / "b.png").write_text("<svg/>")
    with pytest.raises(MissingStageError, match="neither PNG nor JPEG"):
        figure(Figure("T", "", tmp_path / "b.png"))
