"""Which body region and side a diagnosis means."""

import pytest

from patients.regions import LABELS, REGIONS, is_post_surgical, region_of, regions_of, side_of, table


@pytest.mark.parametrize(
    ("code", "region", "side"),
    [
        ("M54.50", "low_back", ""),
        ("M54.5", "low_back", ""),  # retired
        ("m25561", "knee", "right"),
        ("M25.512", "shoulder", "left"),
        ("Z96.651", "knee", "right"),
        ("Z96.653", "knee", "bilateral"),
        ("M54.2", "neck", ""),
        ("S93.401A", "ankle_foot", "right"),
        ("M75.102", "shoulder", "left"),
        ("M17.0", "knee", "bilateral"),
        ("M17.11", "knee", "right"),
        ("M77.11", "elbow", "right"),
        ("M76.62", "ankle_foot", "left"),
        ("M22.2X1", "knee", "right"),
        ("G56.01", "wrist_hand", "right"),
        ("M16.12", "hip", "left"),
        ("R26.89", "balance", ""),
        ("N39.46", "pelvic_floor", ""),
        ("M26.609", "jaw", ""),
        ("I63.9", "neurological", ""),
        ("M54.14", "thoracic", ""),
        ("K21.9", "other", ""),
        ("", "other", ""),
    ],
)
def test_a_code_means_its_region_and_side(code, region, side):
    assert (region_of(code), side_of(code)) == (region, side)


def test_every_row_names_a_region_of_the_list_and_every_region_has_a_label():
    assert {region for region, _side in table().values()} == set(REGIONS) == set(LABELS)


def test_other_stands_only_where_no_code_tells_more():
    assert regions_of(["Z47.1", "M25.561", "M25.512"]) == ["knee", "shoulder"]
    assert regions_of(["K21.9"]) == ["other"]


def test_aftercare_and_implants_are_post_surgical():
    assert is_post_surgical(["M25.561", "Z96.651"])
    assert is_post_surgical(["Z47.1"])
    assert not is_post_surgical(["M17.11"])
