"""How Django's forms look: label above, hint and error below, all of it announced (ui.md section 4, "field")."""

from typing import Any

from django.forms import BoundField, Field, widgets
from django.forms.renderers import TemplatesSetting
from django.utils.translation import gettext as _

CLASS_OF_WIDGET: tuple[tuple[type[widgets.Widget], str], ...] = (
    (widgets.CheckboxInput, ""),
    (widgets.RadioSelect, ""),
    (widgets.CheckboxSelectMultiple, ""),
    (widgets.Textarea, "area"),
    (widgets.Select, "input select"),
    (widgets.Input, "input"),
)


class PageBoundField(BoundField):
    """A field of a page: knows its class, what describes it, and whether it is wrong."""

    @property
    def hint_id(self) -> str:
        """The id of the hint under the label."""
        return f"{self.auto_id}_hint"

    @property
    def error_id(self) -> str:
        """The id of the error under the control."""
        return f"{self.auto_id}_error"

    @property
    def first_id(self) -> str:
        """The id of the control that a link to this field focuses: of a group its first button."""
        return f"{self.auto_id}_0" if self.is_group else self.auto_id

    @property
    def problems(self) -> list[str]:
        """The field's errors; Django's bare "This field is required" names the field instead."""
        bare = str(Field.default_error_messages["required"])
        said = _("%(label)s is missing") % {"label": self.label}
        return [said if text == bare else text for text in self.errors]

    @property
    def is_saved(self) -> bool:
        """Just stored: the form's page says so beside the field (ui.md §6)."""
        return self.name in getattr(self.form, "saved", ())

    @property
    def is_check(self) -> bool:
        """A single check box: its label stands beside it."""
        return isinstance(self.field.widget, widgets.CheckboxInput)

    @property
    def is_group(self) -> bool:
        """Several controls under one question: a fieldset with a legend."""
        return bool(self.field.widget.use_fieldset)

    def build_widget_attrs(self, attrs: dict[str, Any], widget: widgets.Widget | None = None) -> dict[str, Any]:
        """Class, aria-describedby (hint, then error) and aria-invalid; what the form set itself stays."""
        built = super().build_widget_attrs(attrs, widget)
        used = widget or self.field.widget
        classes = next((name for kind, name in CLASS_OF_WIDGET if isinstance(used, kind)), "")
        own = used.attrs.get("class", "")
        if classes or own:
            built["class"] = f"{classes} {own}".strip()
        described = " ".join([self.hint_id] * bool(self.help_text) + [self.error_id] * bool(self.errors))
        built.pop("aria-describedby", None)
        if described and not self.is_group:
            built["aria-describedby"] = described
        if self.errors:
            built["aria-invalid"] = "true"
        return built


class PageRenderer(TemplatesSetting):
    """Renders forms with the parts in templates/parts/, fields with PageBoundField."""

    form_template_name = "parts/form.html"
    field_template_name = "parts/field.html"
    bound_field_class = PageBoundField
