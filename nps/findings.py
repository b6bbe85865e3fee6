"""What the figures say, in sentences and charts: verdicts only, never a claim of change without one (nps.md 5)."""

from __future__ import annotations

from datetime import date

from nps import score
from nps.models import Response
from nps.reports import Report, Row
from nps.score import Benchmark, Standing, Tally, Verdict
from prm.ui import charts, words
from prm.ui.charts import Chart, Point

REFERENCES = [
    (score.BENCHMARK_TOP, "top 10%: 90", "top 10% 90"),
    (score.BENCHMARK_AVERAGE, "average: 84", "mean 84"),
    (score.BENCHMARK_BOTTOM, "bottom 10%: 75", "low 10% 75"),
]
BENCHMARKS = {
    Benchmark.TOP: "Your whole range lies above 90: among the top 10% of practices (WebPT, 2017).",
    Benchmark.ABOVE: "Your whole range lies above 84, the average of practices (WebPT, 2017).",
    Benchmark.BELOW: "Your whole range lies below 84, the average of practices (WebPT, 2017).",
    Benchmark.BOTTOM: "Your whole range lies below 75: among the bottom 10% of practices (WebPT, 2017).",
    Benchmark.TOO_EARLY: "Against other practices (average 84, WebPT 2017) it is too early to say.",
}


def points(value: float | int) -> str:
    """Points as printed, with U+2212 for minus."""
    return words.count(value if isinstance(value, int) else score.whole(value))


def answers(n: int) -> str:
    """ "1 answer", "214 answers"."""
    return f"{words.count(n)} {'answer' if n == 1 else 'answers'}"


def needed(counted: Tally) -> str:
    """What is missing for a score: "7 of 10 answers needed"."""
    return f"{counted.n} of {score.FEWEST} answers needed" if counted.n else "no answers"


def short(counted: Tally) -> str:
    """A score in a sentence, "78 (70 to 84, 214 answers)", or what is missing."""
    if counted.shown is None or counted.shown_interval is None:
        return needed(counted)
    low, high = counted.shown_interval
    return f"{points(counted.shown)} ({points(low)} to {points(high)}, {answers(counted.n)})"


def as_of(report: Report) -> str:
    """When the figures were read, in the practice's zone: "Nov 24, 2026, 11:00 am EST"."""
    at = report.as_of.astimezone(report.period.zone)
    return f"{at:%b} {at.day}, {at.year}, {at:%I:%M}".replace(", 0", ", ") + f" {at:%p}".lower() + f" {at:%Z}"


def change_sentence(report: Report) -> str:
    """What may be said of the period against the one before; empty where nothing is compared."""
    change = report.change
    if change is None or report.before is None:
        return "" if report.period.complete else "This time is not complete yet, so it is not compared."
    then = f"{report.period.before_words}: {short(report.before)}"
    if change.verdict == Verdict.NOT_ENOUGH:
        return f"Not enough answers to compare ({score.ENOUGH} on each side are needed). {then}."
    verdict = {
        Verdict.BETTER: "Better than",
        Verdict.WORSE: "Worse than",
        Verdict.NO_CLEAR_CHANGE: "No clear change from",
    }
    return f"{verdict[change.verdict]} {then}."


def volume_sentence(report: Report) -> str:
    """How large a change must be to show, at this number of answers; empty below 30 on either side."""
    before = report.before
    if before is None or min(before.n, report.now.n) < score.ENOUGH:
        return ""
    return f"With your volume a change under {score.least_visible_change(before, report.now)} points does not show."


def benchmark_sentence(report: Report) -> str:
    """Where the practice stands among others; empty below 10 answers."""
    return BENCHMARKS[score.benchmark(report.now)] if report.now.n >= score.FEWEST else ""


# ------------------------------------------------------------------------------------------------------------- charts


def trend_chart(report: Report) -> Chart:
    """C1: the months, with the sentence of the last three full ones."""
    change, recent, earlier = report.trend, report.recent, report.earlier
    last = f"the last 3 months ({_span(report, 3)})"
    if change.verdict in score.MOVED:
        verb = "rose" if change.verdict == Verdict.BETTER else "fell"
        title = f"NPS {verb} to {points(recent.shown or 0)} in {last}, from {points(earlier.shown or 0)}"
    elif change.verdict == Verdict.NO_CLEAR_CHANGE:
        title = f"No clear change: NPS {points(recent.shown or 0)} in {last}, {points(earlier.shown or 0)} before"
    else:
        title = "Too few answers to say how NPS has moved in the last 3 months"
    shown = [counted for _, counted in report.months if counted.n >= score.FEWEST]
    return charts.nps_trend(
        [_point(f"{month:%b %y}", f"{month:%B %Y}", counted) for month, counted in report.months],
        title=title,
        subtitle="Each patient's last answer in the month; shaded: 95% interval. Dashed: PT practices, WebPT 2017",
        references=REFERENCES,
        columns=("Month", "NPS", "95% interval", "Answers"),
        rows=[_table_row(f"{month:%B %Y}", counted) for month, counted in report.months],
        empty="" if shown else f"No month has {score.FEWEST} answers yet.",
    )


def distribution_chart(report: Report) -> Chart:
    """C2: answers by score; eleven empty slots without answers, no single scores from 1 to 9."""
    now = report.now
    hidden = now.standing == Standing.FEW
    counts = [0 if hidden else report.scores[given] for given in range(11)]
    if now.n == 0:
        title = "No answers in this time"
    elif hidden:
        title = needed(now).capitalize()
    else:
        title = (
            f"{words.count(now.promoters)} of {answers(now.n)} are 9 or 10, {words.count(now.detractors)} are 0 to 6"
        )
    return charts.score_distribution(
        counts,
        title=title,
        subtitle=f"{report.period.words}, {report.scope.words}",
        columns=("Score", "Answers"),
        rows=[] if hidden else [(str(given), words.count(many)) for given, many in enumerate(counts)],
        empty=f"The scores show from {score.FEWEST} answers on." if hidden else "",
    )


def clinic_chart(report: Report) -> Chart:
    """C3 by clinic."""
    return _by("clinic", "NPS by clinic", report, report.by_clinic)


def therapist_chart(report: Report) -> Chart:
    """C3 by therapist."""
    return _by("therapist", "NPS by therapist", report, report.by_therapist)


CHARTS = {
    "nps_trend": trend_chart,
    "score_distribution": distribution_chart,
    "nps_by_clinic": clinic_chart,
    "nps_by_therapist": therapist_chart,
}


def _by(what: str, title: str, report: Report, rows: list[Row]) -> Chart:
    shown = [row for row in rows if row.tally.n >= score.FEWEST]
    finding = "overlapping bars mean no real difference" if len(shown) > 1 else "what may be shown so far"
    whole = report.now
    return charts.nps_by(
        f"nps_by_{what}",
        [_point(row.name, row.name, row.tally) for row in rows],
        title=f"{title}: {finding}",
        subtitle=f"{report.period.words}; by score from {score.ENOUGH} answers on",
        whole=(float(whole.nps), f"practice {points(whole.shown)}") if whole.nps is not None and whole.shown is not None
        and report.scope.clinic is None and report.scope.therapist is None else None,
        axis="NPS and 95% interval",
        columns=(what.capitalize(), "NPS", "95% interval", "Answers"),
        rows=[_table_row(row.name, row.tally) for row in rows],
        empty="" if shown else f"No {what} has {score.FEWEST} answers in this time.",
    )  # fmt: skip


def _point(name: str, spoken: str, counted: Tally) -> Point:
    if counted.shown is None or counted.shown_interval is None or counted.nps is None or counted.interval is None:
        text = f"{counted.n} of {score.FEWEST}" if counted.n else ""
        return Point(name, f"{spoken}: {needed(counted)}", f"not enough ({text})" if spoken == name and text else text)
    low, high = counted.shown_interval
    spoken = (
        f"{spoken}: NPS {points(counted.shown)}, 95% interval {points(low)} to {points(high)}, {answers(counted.n)}"
    )
    marker = "filled" if counted.standing == Standing.FIRM else "hollow"
    value = f"{points(counted.shown)} ({answers(counted.n)})"
    return Point(name, spoken, value, float(counted.nps), *counted.interval, marker)


def _table_row(name: str, counted: Tally) -> tuple[str, str, str, str]:
    if counted.shown is None or counted.shown_interval is None:
        return name, needed(counted), "", words.count(counted.n)
    low, high = counted.shown_interval
    return name, points(counted.shown), f"{points(low)} to {points(high)}", words.count(counted.n)


def _span(report: Report, months: int) -> str:
    first: date = report.months[-months][0]
    return f"{first:%b} to {report.months[-1][0]:%b %Y}"


def visit_words(response: Response) -> str:
    """Where an answer comes from: "visit 4, Eastside"."""
    parts = [f"visit {response.visit_ordinal}"] if response.visit_ordinal else []
    return ", ".join(parts + ([str(response.clinic)] if response.clinic else []))
