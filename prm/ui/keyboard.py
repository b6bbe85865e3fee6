"""The keyboard map of ui.md section 5: what the sheet lists and the links of the side bar carry."""

# `g` and then this letter, by the key of the side bar's entry.
GO = {
    "today": "t", "inbox": "i", "patients": "p", "campaigns": "c", "feedback": "f", "exercises": "e", "rtm": "m",
    "reports": "r", "settings": "s",
}  # fmt: skip
EVERYWHERE = (
    (("Ctrl K",), "Find a patient or a page, or act on what is open"),
    (("/",), "Search in the page"),
    (("?",), "Show these shortcuts"),
    (("Ctrl Enter",), "Send the form that you are in"),
    (("Ctrl S",), "Save the form of the page"),
    (("Esc",), "Close what is open, or go back to the list"),
)
LISTS = (
    (("J", "K"), "Next and previous"),
    (("Enter",), "Open"),
    (("A",), "Take the item"),
    (("L",), "Log a contact"),
    (("E",), "Resolve it, or done"),
    (("Z",), "Undo what was just done"),
)
