"""What each action of the record means in words: a test finds an action that the code records and this table lacks."""

from dataclasses import dataclass

READ, CHANGE, SENT, SIGN_IN, EXPORT, PERMISSION, SETTING, PATIENT = (
    "read", "change", "sent", "sign_in", "export", "permission", "setting", "patient",
)  # fmt: skip
GROUPS = {
    READ: "Reading",
    CHANGE: "Work with patients",
    SENT: "Messages",
    SIGN_IN: "Signing in",
    EXPORT: "Exports",
    PERMISSION: "People and access",
    SETTING: "Settings",
    PATIENT: "Patients themselves",
}


@dataclass(frozen=True, slots=True)
class Act:
    """An action: the group it is filtered by, and what somebody did (the actor stands before it)."""

    group: str
    words: str


def _acts(group: str, **words: str) -> dict[str, Act]:
    return {name.replace("__", "."): Act(group, text) for name, text in words.items()}


ACTS: dict[str, Act] = {
    **_acts(
        READ,
        patient__read="opened the patient’s record",
        patient__listed="saw the patient in a preview of a rule",
        patients__listed="looked at the list of patients",
        today__read="opened Today",
        work__listed="looked at the inbox",
        work__read="opened a work item",
        message__read="read a message",
        message__body_read="saw a mail as its reader gets it",
        messages__listed="looked at the outbox",
        responses__read="read what patients answered",
        recovery__listed="looked at the recovery cases",
        rule__decisions_read="looked at a rule’s decisions",
        feed__raw_shown="read a message of the EMR as it came",
        agreement__paper_read="opened the paper of an agreement",
        audit__read="read this record",
        palette__listed="searched the palette",
        support__page="looked in as the platform’s support",
        palette__searched="searched for patients",
        patient__found="found patients by a search",
    ),
    **_acts(
        CHANGE,
        work__taken="took a work item",
        work__closed="closed a work item",
        work__reopened="opened a work item again",
        recovery__contact_logged="logged a contact with the patient",
        recovery__resolved="resolved a recovery case",
        recovery__resolution_undone="took a resolution back",
        rule__activate="turned a rule on",
        rule__publish="published a rule’s draft",
        rule__pause="paused a rule",
        rule__resume="resumed a rule",
        rule__archive="archived a rule",
        rule__discard="threw a rule’s draft away",
        feed__uploaded="took in a file of the EMR",
        feed__import_started="applied a file of rows",
        feed__import_cancelled="cancelled a file of rows",
        feed__import_undone="took back what a file of rows brought",
        feed__import_rows_fetched="downloaded the rows to fix of a file",
        feed__replayed="read a dead letter again",
        feed__replayed_all="read dead letters again",
        feed__dead_ignored="let a dead letter rest",
        contact__stopped="stopped contact with the patient",
        contact__allowed="allowed contact with the patient again",
        amendment__asked="noted that the patient asks for a correction",
        amendment__decided="decided about a correction",
        disclosure__entered="entered a disclosure",
        sample__loaded="loaded sample data",
        sample__removed="removed the sample data",
    ),
    **_acts(
        SENT,
        channel__tested="sent a test mail",
        survey__sent_to_oneself="sent a survey to themselves",
        portal__link_sent="sent the patient a link to the portal",
        portal__link_taken_back="took a portal link back",
        portal__ended_all="ended the patient’s links and devices",
    ),
    **_acts(
        SIGN_IN,
        signin__done="signed in",
        signin__ended="signed out",
        signin__idle_changed="changed when idle people are signed out",
        factor__added="added a second factor",
        factor__removed="removed a second factor",
        factor__renamed="gave a second factor another name",
        factor__recovered="signed in by a recovery",
        password__changed="changed the password",  # noqa: S106  (words about it)
        password__reset="set a new password by mail",  # noqa: S106  (words about it)
        factor__code_used="used a printed recovery code",
        factor__codes_made="made new recovery codes",
        factor__recovery_asked="asked for help with a lost second factor",
        factor__recovery_confirmed="confirmed a colleague’s lost second factor",
        factor__recovery_refused="refused to confirm a lost second factor",
        signin__locked="guessed too often and was locked out",
        session__ended="ended a session",
    ),
    **_acts(
        EXPORT,
        nps_report_exported="saved the NPS report as PDF",
        audit__exported="exported this record",
        practice__export_begun="asked for an export of all data",
        practice__export_fetched="fetched the export of all data",
        patient__copied="made the patient’s copy of the record",
        document__sent="sent a document out",
        incident__reported="made the report of an incident",
    ),
    **_acts(
        PERMISSION,
        permission__changed="changed what a colleague may do",
        invitation__sent="invited a colleague",
        invitation__withdrawn="withdrew an invitation",
        invitation__account_made="joined by an invitation",
        therapist__added="added a therapist",
        therapist__changed="changed a therapist’s profile",
        therapist__joined="joined a therapist of the feed with a profile",
        therapist__join_undone="parted a therapist of the feed from a profile again",
        absence__planned="planned an absence",
        absence__ended="ended an absence",
        api_key__created="made an API key",
        api_key__revoked="revoked an API key",
        retention__raw_deleted="deleted messages of the EMR that were kept long enough",
        retention__bodies_deleted="deleted what messages said after their time",
        practice__therapists_see_chosen="chose whose patients therapists see",
        support__granted="opened the practice to the platform’s support",
        support__ended="closed the practice to the platform’s support",
    ),
    **_acts(
        SETTING,
        consent_policy__chosen="chose what an address means for consent",
        channel__changed="changed who carries the practice’s messages",
        reviews__site_added="added a review page",
        reviews__site_removed="removed a review page",
        reviews__mode_chosen="chose who is asked for a review",
        feed__added="added an EMR feed",
        feed__went_live="went live with an EMR feed",
        feed__paused="paused an EMR feed",
        clinic__created="added a clinic",
        clinic__changed="changed a clinic",
        practice__created="made the practice",
        practice__changed="changed the practice’s profile",
        practice__suspended="suspended the practice",
        practice__resumed="resumed the practice",
        practice__closed="closed the practice",
        practice__closing_cancelled="took the closing of the practice back",
        agreement__signed="signed an agreement",
        agreement__recorded="recorded an agreement",
        start__no_emr="said that there is no EMR to connect",
        start__no_opt_outs="said that there are no opt-outs to bring along",
        audit__checked="had this record checked",
        keys__rotated="replaced the practice’s data key",
    ),
    **_acts(
        PATIENT,
        survey__answered="answered the survey",
        survey__comment_given="wrote a comment to the answer",
        survey__drivers_given="said what the answer is about",
        survey__contact_given="said whether we may be in touch",
        survey__stopped="stopped the surveys",
        portal__read="opened the portal",
        portal__checked="confirmed the birth date",
        portal__locked="gave a wrong birth date too often",
        portal__copied="fetched a copy of their own record",
        portal__signed_in="signed in to the portal",
        portal__signed_out="signed out of the portal",
        portal__device_ended="signed a device out",
    ),
}


def act(action: str) -> Act:
    """The words of an action; one that the table lacks reads as its code."""
    return ACTS.get(action) or Act(CHANGE, f"did “{action}”")


def of_group(group: str) -> list[str]:
    """The actions of a group."""
    return [name for name, found in ACTS.items() if found.group == group]
