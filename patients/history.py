"""The timeline's kinds of what `patients` itself does."""

from patients import timeline


def register_kinds() -> None:
    """Contact that was stopped or allowed again, and requests to correct the record."""
    timeline.register("contact_stopped", group="care", icon="ban", tone="bad", sentence=lambda facts: "Contact stopped")
    timeline.register(
        "contact_allowed", group="care", icon="circle-check", sentence=lambda facts: "Contact allowed again"
    )
    timeline.register(
        "amendment_asked", group="care", icon="file-pen", sentence=lambda facts: "Asked to correct the record"
    )
    timeline.register(
        "amendment_decided", group="care", icon="file-check",
        sentence=lambda facts: f"Request to correct the record {facts['decision']}",
    )  # fmt: skip
