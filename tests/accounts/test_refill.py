"""What was typed stands in the form of a finished page: each kind of field, the right form, nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from accounts import refill

PAGE = """<main id="main"><form method="get"><input name="name" value="q"></form>
<form method="post" action="/h/other/"><input name="name" value="other"></form>
<form method="post" action="/h/a/?x=1">
<input type="hidden" name="version" value="2">
<input type="hidden" name="t" value="s"><input type="text" name="name" value="old" id="i">
<input type="password" name="name" value=""><input name="plain">
<select name="role"><option value="a" selected>A</option><option value="b">B</option></select>
<input type="checkbox" name="on" value="x" checked><input type="checkbox" name="on" value="y">
<input type="radio" name="r" value="1">
<textarea name="note" rows="3">
old note</textarea></form></main>"""
TYPED = {
    "name": ["new"],
    "plain": ["p"],
    "role": ["b"],
    "on": ["y"],
    "r": ["1"],
    "note": ["<b>\nline"],
    "version": ["1"],
    "t": ["no"],
}


def test_every_kind_of_field_is_filled_and_only_in_the_form_that_was_sent():
    made = refill.fill(PAGE, "/h/", "/h/a/", TYPED)
    wanted = [
        '<input name="name" value="q">', '<input name="name" value="other">',
        '<input value="1" type="hidden" name="version">', '<input type="hidden" name="t" value="s">',
        '<input value="new" type="text" name="name" id="i">', '<input type="password" name="name" value="">',
        '<input value="p" name="plain">', '<option value="a">A', '<option selected value="b">B',
        '<input type="checkbox" name="on" value="x">', '<input checked type="checkbox" name="on" value="y">',
        '<input checked type="radio" name="r" value="1">', "&lt;b&gt;\nline</textarea>",
    ]  # fmt: skip
    assert [one for one in wanted if one not in made] == []
    assert "old note" not in made
    assert made.count("Your text is still here") == 1


def test_a_form_without_an_address_goes_to_its_page():
    assert 'value="x"' in refill.fill('<form method="post"><input name="a"></form>', "/h/", "/h/", {"a": ["x"]})


def test_a_page_without_the_form_shows_the_text():
    made = refill.fill("<body><main id='m'><p>Gone</p></main>", "/h/", "/h/a/", {"a": ["two <words>"], "b": ["one"]})
    assert made.startswith("<body><main id='m'><div")
    assert "two &lt;words&gt;</textarea>" in made


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_whatever_was_typed_is_text(word):
    made = refill.fill(
        '<form method="post"><input name="a"><textarea name="b"></textarea></form>',
        "/",
        "/",
        {"a": [word], "b": [word]},
    )
    assert made.count("<input") == 1
    assert made.count("<textarea") == 1
    assert made.endswith("</textarea></form>")
