"""The documentation page and its picture."""

import html.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cli.main import invoke
from headrace.cli.options import Asked
from headrace.docs.lineage import drawing, layers


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets, self.ids, self.texts, self.outside = set(), set(), [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.add(attrs["id"])
        if tag == "a":
            self.targets.add(attrs["href"].removeprefix("#"))
        if tag in ("script", "link", "img"):
            self.outside.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def written(mill, monkeypatch):
    (mill / "models" / "schema.yml").write_text(
        (mill / "models" / "schema.yml").read_text().replace("Orders as they came.", "Orders <as they came> & more.")
    )
    monkeypatch.chdir(mill)
    for words in (("build", "-q"), ("docs", "generate", "-q")):
        assert invoke(words, Asked.first_look(words)) == 0
    read = Links()
    read.feed((mill / "target" / "index.html").read_text())
    return read


def test_every_link_of_the_page_leads_somewhere_on_it(written):
    assert written.targets <= written.ids
    assert "model.mill.revenue" in written.targets
    assert written.outside == []


def test_the_page_says_what_columns_are_and_what_is_asked_of_them(written):
    text = " ".join(written.texts)

    assert "Orders <as they came> & more." in text
    assert "What customers *paid*." in text
    assert "DOUBLE" in text
    assert "not_null (warns)" in text
    assert "select customer, sum(amount) as revenue" in text


@st.composite
def graphs(draw):
    size = draw(st.integers(1, 12))
    return {str(one): [str(other) for other in range(one) if draw(st.booleans())] for one in range(size)}


@given(graphs())
def test_everything_stands_right_of_what_it_is_made_of(parents):
    columns = layers(parents)

    places = {one: x for x, layer in enumerate(columns) for one in layer}
    assert sorted(places) == sorted(parents)
    assert all(places[parent] < places[one] for one in parents for parent in parents[one])


def test_a_picture_has_a_box_for_each_node_and_a_line_for_each_use():
    svg = drawing(
        {"a": [], "b": ["a"], "c": ["a", "b"]}, {"a": "A<", "b": "B", "c": "C"}, dict.fromkeys("abc", "model")
    )

    assert svg.count("<rect") == 3
    assert svg.count('class="edge"') == 3
    assert "A&lt;" in svg
