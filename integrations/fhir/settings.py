"""What can be set for a feed of FHIR R4 resources."""

from integrations.keys import Key, whole, words, zone

KEYS = (
    Key("zone", "", "a time zone such as America/New_York", zone, "Time zone of times without offset"),
    Key("visit_classes", [], "Encounter.class codes that count as visits besides outpatient ones", words, "Classes"),
    Key("therapy_codes", [], "a comma-separated list of codes that mean therapy in this EMR", words, "Therapy codes"),
    Key("gap_days", 60, "30 to 180", whole(30, 180), "Days without a visit that end an episode"),
)
