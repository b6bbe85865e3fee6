"""Whom work goes to while a member is away: covers, chains and circles of them, midnights of the practice's zone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import absence, handover
from accounts.models import Absence, Membership, MembershipClinic
from patients import tasks, worklist
from patients.models import WorkItem
from prm import clock
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)  # in New York
TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)
Role = Membership.Role


def people(**roles):
    return {name: MembershipFactory(role=role, user__name=name.title()) for name, role in roles.items()}


def away(member, cover=None, *, first=TODAY, last=TODAY):
    return Absence.objects.create(membership=member, starts_on=first, ends_on=last, cover=cover)


# who is away -> his cover ("" for none); then: to whom the therapist's work goes ("" for the queue)
CHAINS = [
    ({}, "ann"),
    ({"ann": "bob"}, "bob"),
    ({"ann": ""}, ""),
    ({"bob": "cid"}, "ann"),
    ({"ann": "bob", "bob": "cid"}, "cid"),
    ({"ann": "bob", "bob": ""}, ""),
    ({"ann": "bob", "bob": "ann"}, ""),
    ({"ann": "bob", "bob": "cid", "cid": "bob"}, ""),
    ({"ann": "bob", "bob": "cid", "cid": "ann"}, ""),
    ({"ann": "eve"}, ""),  # has left
    ({"ann": "rob"}, ""),  # only reads
    ({"ann": "far"}, ""),  # works in another clinic
    ({"ann": "bob", "bob": "far"}, ""),
]


@pytest.mark.parametrize(("absences", "expected"), CHAINS)
def test_work_of_who_is_away_goes_along_the_covers(practice, absences, expected):
    staff = people(
        ann=Role.THERAPIST, bob=Role.THERAPIST, cid=Role.FRONT_DESK, eve=Role.MANAGER, rob=Role.READ_ONLY,
        far=Role.THERAPIST,
    )  # fmt: skip
    Membership.objects.filter(pk=staff["eve"].pk).update(ended_at=NOON)
    here, there = ClinicFactory(), ClinicFactory()
    MembershipClinic.objects.create(membership=staff["far"], clinic=there)
    for name, cover in absences.items():
        away(staff[name], staff.get(cover))

    found = absence.cover_for(staff["ann"], NOON, clinic=here)

    assert found == staff.get(expected)


def test_who_has_left_or_only_reads_owns_nothing_and_nobody_stays_nobody(practice):
    staff = people(ann=Role.THERAPIST, rob=Role.READ_ONLY)
    staff["ann"].ended_at = NOON
    assert [absence.cover_for(one, NOON) for one in (staff["ann"], staff["rob"], None)] == [None, None, None]


# The last minute of the day before, the first and the last of the absence, and the first after it; both nights on
# which the clocks change, in zones on either side of Greenwich.
NIGHTS = [
    ("America/New_York", date(2026, 11, 1), "2026-11-01T03:59", "2026-11-01T04:00", "2026-11-02T04:59"),  # 25 hours
    ("America/New_York", date(2026, 3, 8), "2026-03-08T04:59", "2026-03-08T05:00", "2026-03-09T03:59"),  # 23 hours
    ("Pacific/Auckland", date(2026, 9, 27), "2026-09-26T11:59", "2026-09-26T12:00", "2026-09-27T10:59"),  # 23 hours
    ("UTC", date(2026, 1, 1), "2025-12-31T23:59", "2026-01-01T00:00", "2026-01-01T23:59"),
]


@pytest.mark.parametrize(("zone", "day", "before", "first", "last"), NIGHTS)
def test_an_absence_lasts_from_midnight_to_midnight_of_the_practice(db, zone, day, before, first, last):
    with use_practice(PracticeFactory(time_zone=zone).pk):
        staff = people(ann=Role.THERAPIST, bob=Role.THERAPIST)
        away(staff["ann"], staff["bob"], first=day, last=day)
        moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (before, first, last)]
        moments.append(moments[-1] + timedelta(minutes=1))
        found = [absence.cover_for(staff["ann"], moment).user.name for moment in moments]
    assert found == ["Ann", "Bob", "Bob", "Ann"]


def test_two_absences_of_one_member_never_overlap(practice):
    ann = MembershipFactory()
    first = absence.plan(ann, starts_on=TODAY, ends_on=TODAY + 3 * DAY, cover=None)
    for starts, ends in [(0, 0), (-2, 0), (3, 9), (-9, 9), (1, 2)]:
        with pytest.raises(absence.Overlaps) as problem:
            absence.plan(ann, starts_on=TODAY + starts * DAY, ends_on=TODAY + ends * DAY, cover=None)
        assert problem.value.other == first
    absence.plan(ann, starts_on=TODAY + 4 * DAY, ends_on=TODAY + 5 * DAY, cover=None)
    absence.plan(MembershipFactory(), starts_on=TODAY, ends_on=TODAY, cover=ann)
    assert Absence.objects.count() == 3


@pytest.mark.parametrize("what", ["ends before it starts", "covers himself"])
def test_the_database_refuses_an_absence_that_cannot_be(practice, what):
    ann = MembershipFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        away(ann, ann if what == "covers himself" else None, last=TODAY if what == "covers himself" else TODAY - DAY)


def open_todo(owner, clinic=None, now=NOON):
    return worklist.open_item("fix_contact_point", PatientFactory(), now=now, due_at=None, owner=owner, clinic=clinic)


def test_a_new_item_of_who_is_away_opens_with_the_cover(practice):
    staff = people(ann=Role.THERAPIST, bob=Role.THERAPIST)
    away(staff["ann"], staff["bob"])
    assert open_todo(staff["ann"]).owner == staff["bob"]
    assert open_todo(staff["ann"], now=NOON + DAY).owner == staff["ann"]


def test_an_item_that_is_reopened_while_its_owner_is_away_goes_to_the_cover(practice):
    staff = people(ann=Role.THERAPIST, bob=Role.THERAPIST)
    patient = PatientFactory()
    item = worklist.open_item("complaint", patient, now=NOON - DAY, due_at=None, owner=staff["ann"])
    worklist.close_item(item, now=NOON - DAY, by=staff["ann"])
    away(staff["ann"], staff["bob"])
    again = worklist.open_item("complaint", patient, now=NOON, due_at=None, owner=staff["ann"])
    assert (again.pk, again.owner) == (item.pk, staff["bob"])


def test_open_items_move_to_the_cover_when_the_absence_begins_and_say_so(practice):
    staff = people(ann=Role.THERAPIST, bob=Role.THERAPIST, cid=Role.THERAPIST)
    here, there = ClinicFactory(), ClinicFactory()
    MembershipClinic.objects.create(membership=staff["bob"], clinic=here)
    seen, unseen, done = (open_todo(staff["ann"], clinic) for clinic in (here, there, here))
    other = open_todo(staff["cid"], here)
    worklist.close_item(done, now=NOON, by=staff["ann"], outcome="corrected")
    away(staff["ann"], staff["bob"])

    assert handover.hand_over(staff["ann"], now=NOON) == 2
    assert handover.hand_over(staff["ann"], now=NOON) == 0

    owners = dict(WorkItem.objects.values_list("pk", "owner"))
    assert owners == {seen.pk: staff["bob"].pk, unseen.pk: None, done.pk: staff["ann"].pk, other.pk: staff["cid"].pk}
    assert list(seen.lines.order_by("at").values_list("what", "by", "detail")) == [
        ("opened", None, ""), ("assigned", None, "Bob"),
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_the_clock_hands_over_at_midnight_in_every_practice_that_has_somebody_away():
    moved = {}
    with clock.at(NOON):
        for zone in ("America/New_York", "America/Los_Angeles"):
            practice = PracticeFactory(time_zone=zone)
            with use_practice(practice.pk):
                staff = people(ann=Role.THERAPIST, bob=Role.THERAPIST)
                item = open_todo(staff["ann"])
                away(staff["ann"], staff["bob"], first=TODAY + DAY, last=TODAY + DAY)
            moved[zone] = (practice, item, staff)
        PracticeFactory()

    def owners():
        found = []
        for practice, item, _staff in moved.values():
            with use_practice(practice.pk):
                found.append(WorkItem.objects.select_related("owner__user").get(pk=item.pk).owner.user.name)
        return found

    seen = []
    for hours in (11, 13, 16):  # before New York's midnight, after it, after Los Angeles'
        with clock.at(NOON + timedelta(hours=hours - 1)):
            tasks.cover_absences()
        seen.append(owners())
    assert seen == [["Ann", "Ann"], ["Bob", "Ann"], ["Bob", "Bob"]]
