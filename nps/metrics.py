"""What the numbers of the NPS report mean (reports.md 3)."""

from nps import reports, score
from prm.ui.metrics import Metric, register

ANSWERS = "answers of surveys in the period, each patient's latest"
LEFT_OUT = (
    "tests, withdrawn and imported answers, resurveys, answers taken by staff, other wordings, sample patients beside "
    "real ones"
)


def _answers(key: str, label: str, which: str, better: str = "") -> Metric:
    return Metric(
        key, label, "count", which, "", ANSWERS, reports.count, exclusions=LEFT_OUT, better=better  # type: ignore[arg-type]
    )  # fmt: skip


def _cases(key: str, label: str, which: str) -> Metric:
    return Metric(key, label, "count", which, "", "recovery cases opened in the period", reports.recovery)


def define() -> None:
    """Register them all; called when the app is ready."""
    register(
        Metric(
            "nps", "Net Promoter Score", "points", "promoters (9–10) less detractors (0–6), times 100",
            "all answers", ANSWERS, reports.count, exclusions=LEFT_OUT, minimum=score.FEWEST, better="up",
        ),
        Metric(
            "nps_change", "Change", "points", "the period's score less that of the time before, without its sign", "",
            ANSWERS, score.change, exclusions="shown with a verdict only",
        ),
        _answers("nps_answers", "Answers", "all of them"),
        _answers("nps_promoters", "Promoters", "scores 9 and 10", "up"),
        _answers("nps_passives", "Passives", "scores 7 and 8"),
        _answers("nps_detractors", "Detractors", "scores 0 to 6", "down"),
        Metric(
            "surveys_delivered", "Surveys delivered", "count", "surveys asked in the period that arrived", "",
            "survey invitations; a reminder and its first asking are one", reports.response_rate,
            exclusions="not sent, bounced, tests",
        ),
        Metric(
            "response_rate", "Response rate", "percent", "surveys answered within 14 days", "surveys delivered",
            "survey invitations and their answers", reports.response_rate,
            exclusions="tests, withdrawn and imported answers, resurveys", minimum=1, better="up",
        ),
        _cases("recovery_opened", "Recovery cases opened", "all of them"),
        _cases("recovery_resolved", "Recovery cases resolved", "those that are resolved"),
        _cases("recovery_contacted", "Contacted in time", "first contacts before their due time"),
        _cases("recovery_contact_due", "First contacts due", "cases that were contacted or are past due"),
        _cases("recovery_overdue", "Overdue", "open, past due, nobody contacted yet"),
        Metric(
            "recovery_in_time", "Contacted in time", "percent", "first contacts before their due time",
            "cases that were contacted or are past due", "recovery cases opened in the period", reports.recovery,
            minimum=1, better="up",
        ),
    )  # fmt: skip
