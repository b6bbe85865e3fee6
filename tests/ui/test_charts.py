"""Charts: what may stand in the SVG, few answers, names that are code, and a renderer that is down."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings
from django.template.loader import render_to_string

from prm.ui import chart_renderer, charts
from prm.ui.charts import Chart, Point

NAMES = ("<script>alert('x')</script>", "Maximiliana Featherstonehaugh-Cholmondeley von Habsburg-Lothringen"[:60])


def clinics(many: int = 3) -> Chart:
    """A chart by clinic: a hostile name, a long one, some with few answers and one with a flag."""
    markers = ("filled", "hollow", "flagged")
    points = [Point("Harbor", "Harbor: 9 of 10 answers", "not enough answers")]
    points += [
        Point(
            (*NAMES, "Eastside")[place % 3],
            f"{place}: NPS 60",
            "60 (40 answers)",
            60,
            20 - place,
            80,
            markers[place % 3],
        )
        for place in range(many)
    ]
    return charts.nps_by(
        "nps_by_clinic", points, title="NPS by clinic", subtitle="October 2026", whole=(58.3, "practice 58"),
        axis="NPS",
        columns=("Clinic", "NPS"), rows=[(point.name, point.value_text) for point in points],
    )  # fmt: skip


def trend(months: int = 12) -> Chart:
    """A chart of so many months: enough answers, few, too few, in turn."""
    points = [
        Point(f"M{month}", f"M{month}: NPS 70, 40 answers", "", 70 - month, 50 - month, 80 - month, "filled")
        if month % 3 == 0
        else Point(f"M{month}", f"M{month}: NPS 60", "", 60, 30, 80, "hollow")
        if month % 3 == 1
        else Point(f"M{month}", f"M{month}: 7 of 10 answers", "7 of 10")
        for month in range(months)
    ]
    return charts.nps_trend(
        points, title="No clear change", subtitle="12 months", references=[(84, "average: 84", "mean 84")],
        columns=("Month", "NPS"), rows=[(point.name, point.value_text) for point in points],
    )  # fmt: skip


def distribution(counts: list[int]) -> Chart:
    """A chart of the eleven counts."""
    return charts.score_distribution(
        counts, title="How patients scored you", subtitle="", columns=("Score", "Answers"),
        rows=[(str(score), str(n)) for score, n in enumerate(counts)],
    )  # fmt: skip


ALL = {
    "trend": trend(),
    "trend_36": trend(36),
    "trend_1": trend(1),
    "trend_none": trend(0),
    "clinics": clinics(),
    "clinics_60": clinics(60),
    "nobody": clinics(0),
    "mixed": distribution([25, 6, 8, 22, 12, 16, 42, 45, 116, 330, 909]),
    "empty": distribution([0] * 11),
    "one_zero": distribution([1] + [0] * 10),
    "all_0": distribution([30] + [0] * 10),
    "all_10": distribution([0] * 10 + [29]),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_no_chart_holds_what_the_policy_or_a_second_chart_forbids(name, width):
    picture = chart_renderer.svg(getattr(ALL[name], width))
    root = ET.fromstring(picture)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    attributes = {key for element in root.iter() for key in element.attrib}

    assert tags <= {"svg", "g", "path", "rect", "line", "text", "title"}
    assert not {key for key in attributes if key in {"id", "style", "href", "clip-path"} or key.startswith("on")}
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", picture)) == set()
    assert set(re.findall(r"var\([^)]*\)", picture)) <= set(charts.LIGHT)
    assert float(root.get("width")) <= {"wide": charts.WIDE, "narrow": charts.NARROW}[width]


def test_two_processes_draw_the_same_bytes():
    first = chart_renderer._ask(_request(ALL["clinics"].wide))
    chart_renderer.stop()
    second = chart_renderer._ask(_request(ALL["clinics"].wide))

    assert first == second


def _request(spec: dict) -> str:
    return json.dumps({"spec": spec, "form": "svg", "scale": 1})


def test_names_are_text_and_all_of_them_are_there():
    picture = chart_renderer.svg(ALL["clinics"].wide)
    texts = [element.text for element in ET.fromstring(picture).iter() if element.tag.endswith("text")]

    assert NAMES[0] in texts
    assert "<script" not in picture
    assert any(text and text.endswith("…") and NAMES[1].startswith(text[:-1]) for text in texts)
    assert {"Harbor", "not enough answers", "practice 58"} <= set(texts)


def test_a_month_name_with_quotes_is_no_expression():
    point = Point("'];alert(1)//\\", "x: NPS 60", "", 60, 30, 80, "filled")
    drawn = charts.nps_trend([point], title="", subtitle="", references=[], columns=(), rows=[])

    texts = [element.text for element in ET.fromstring(chart_renderer.svg(drawn.wide)).iter()]

    assert "'];alert(1)//\\" in texts


def test_marks_carry_their_sentence_and_only_where_a_value_may_be_shown():
    picture = chart_renderer.svg(trend(3).wide)

    spoken = {label for label in re.findall(r'aria-label="([^"]*)"', picture) if label.startswith("M")}
    assert spoken == {"M0: NPS 70, 40 answers", "M1: NPS 60"}
    assert ">7 of 10</text>" in picture


def test_the_empty_distribution_has_eleven_slots():
    texts = [element.text for element in ET.fromstring(chart_renderer.svg(ALL["empty"].wide)).iter() if element.text]

    assert [text for text in texts if text.isdigit()].count("0") == 12  # the score 0 and eleven counts
    assert {str(score) for score in range(11)} <= set(texts)


@pytest.mark.parametrize("counts", [[1] * 10, [1] * 12])
def test_a_distribution_of_other_than_eleven_scores_is_refused(counts):
    with pytest.raises(ValueError, match="expected 11"):
        distribution(counts)


def test_the_light_colours_are_those_of_the_style_sheet():
    css = (Path(settings.BASE_DIR) / "static" / "prm.css").read_text()
    declared: dict[str, str] = {}
    for name, value in re.findall(r"(--[\w-]+):\s*([^;]+);", css):
        declared.setdefault(name, value.strip())  # the light theme comes first

    def resolved(name: str) -> str:
        value = declared[name]
        inner = re.fullmatch(r"var\((--[\w-]+)\)", value)
        return resolved(inner[1]) if inner else value

    assert {token: resolved(token[4:-1]) for token in charts.LIGHT} == charts.LIGHT


def test_painting_leaves_no_token():
    assert "var(" not in chart_renderer.svg(charts.painted(ALL["clinics"].wide))


def test_a_chart_that_stands_alone_says_its_finding():
    picture = chart_renderer.svg(charts.titled(ALL["mixed"], narrow=True))

    assert "How patients scored you" in picture
    assert chart_renderer.png(charts.painted(charts.titled(ALL["mixed"])), scale=1).startswith(b"\x89PNG")


def test_importing_the_web_process_never_loads_the_renderer():
    code = (
        "import sys, django; django.setup(); import prm.urls, prm.celery, prm.ui.templatetags.figures;"
        "print('vl_convert' in sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "prm.settings"}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=settings.BASE_DIR, env=environment
    )

    assert answer.stdout.strip() == "False"


@pytest.fixture
def no_renderer(settings, tmp_path):
    """A state folder where nobody serves and nobody may start."""
    settings.STATE_DIR, settings.CHARTS_AUTOSTART = tmp_path, False


@pytest.mark.usefixtures("no_renderer")
def test_without_a_renderer_the_table_stays_and_a_line_says_so():
    html = render_to_string("parts/chart.html", {"chart": ALL["clinics"], "picture": ""})

    assert "The picture cannot be drawn at the moment." in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in html
    assert "<svg" not in html


def test_the_page_shows_the_finding_both_widths_with_its_words_and_all_values():
    html = render_to_string("parts/chart.html", {"chart": ALL["mixed"], "picture": ""})

    assert html.count('<svg role="img" aria-label="How patients scored you') == 2
    assert "style" not in html
    assert re.findall(r"<td[^>]*>(\d+)</td>", html) == [
        "25",
        "6",
        "8",
        "22",
        "12",
        "16",
        "42",
        "45",
        "116",
        "330",
        "909",
    ]


def test_a_spec_that_cannot_be_drawn_is_told_apart_from_one_that_can():
    with pytest.raises(chart_renderer.RendererDown, match="cannot be drawn"):
        chart_renderer.svg({"mark": "no such mark"})
    assert chart_renderer.svg(ALL["one_zero"].wide).startswith("<svg")


def test_data_from_elsewhere_is_not_fetched():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.json"
        spec = {"data": {"url": url}, "mark": "bar", "encoding": {"x": {"field": "a", "type": "nominal"}}}
        with contextlib.suppress(chart_renderer.RendererDown):
            chart_renderer.svg(spec)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_renderer_that_was_killed_is_started_again():
    chart_renderer.stop()
    chart_renderer._ask(_request(ALL["all_0"].wide))
    chart_renderer._started[0].kill()
    chart_renderer._started[0].wait()

    assert chart_renderer._ask(_request(ALL["all_0"].narrow)).startswith(b"<svg")


def test_a_picture_is_drawn_once(settings, monkeypatch):
    chart_renderer.svg(ALL["all_10"].wide)
    settings.CHARTS_AUTOSTART = False
    monkeypatch.setattr(chart_renderer, "_exchange", lambda request: pytest.fail("asked again"))

    assert chart_renderer.svg(ALL["all_10"].wide).startswith("<svg")


def test_a_long_state_folder_still_gets_a_socket_that_the_system_accepts(settings, tmp_path):
    settings.STATE_DIR = tmp_path / ("x" * 120)

    assert len(str(chart_renderer.socket_path())) <= 100
