"""Fields announce their hint, their error, and that they are wrong."""

from django import forms

from prm.ui.templatetags.ui import error_summary


class ContactForm(forms.Form):
    phone = forms.CharField(label="Mobile phone", help_text="We text this number.")
    email = forms.EmailField(label="E-mail", required=False)
    channel = forms.ChoiceField(widget=forms.RadioSelect, choices=[("e", "E-mail"), ("t", "Text")])
    agreed = forms.BooleanField(label="May get texts")


def test_wrong_field_is_described_by_hint_and_error() -> None:
    html = str(ContactForm({"phone": ""})["phone"].as_field_group())

    assert 'aria-describedby="id_phone_hint id_phone_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'class="input"' in html
    assert 'id="id_phone_error"' in html
    assert "Mobile phone is missing" in html


def test_only_what_may_stay_empty_is_marked() -> None:
    form = ContactForm()

    assert "(optional)" in str(form["email"].as_field_group())
    assert "(optional)" not in str(form["phone"].as_field_group())


def test_several_buttons_stand_in_a_fieldset_and_a_check_box_beside_its_label() -> None:
    form = ContactForm()

    assert "<fieldset" in str(form["channel"].as_field_group())
    assert '<label class="check">' in str(form["agreed"].as_field_group())


def test_summary_links_to_the_first_control_of_each_wrong_field() -> None:
    assert error_summary(ContactForm({"email": "nobody"}))["problems"] == [
        ("id_phone", "Mobile phone is missing"),
        ("id_email", "Enter a valid email address."),
        ("id_channel_0", "Channel is missing"),
        ("id_agreed", "May get texts is missing"),
    ]


def test_whole_form_begins_with_its_summary_and_keeps_what_was_typed() -> None:
    html = ContactForm({"phone": "415 <5", "email": "nobody"}).render()

    assert html.index('role="alert"') < html.index("<label")
    assert 'value="415 &lt;5"' in html


def test_own_message_for_an_empty_field_stays() -> None:
    class Own(forms.Form):
        phone = forms.CharField(error_messages={"required": "Enter a number like 415 555 0134"})

    assert Own({})["phone"].problems == ["Enter a number like 415 555 0134"]
