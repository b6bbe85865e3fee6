"""What people of the demo write with their score: our own sentences, by bucket and language."""

COMMENTS = {
    ("promoter", "en"): (
        "She explains everything twice and never makes me feel slow.",
        "I can climb my stairs again without holding the rail. I did not expect that in six weeks.",
        "They remembered my name from the second visit on.",
        "The exercises fit my day. Ten minutes, and I actually do them.",
        "Everyone at the front desk is kind, even when the phone rings all morning.",
        "He listened first and treated second.",
        "My shoulder is better than before the fall.",
        "Clear plan from day one, and we followed it.",
        "I was nervous about running again. Not any more.",
        "On time every single visit.",
        "They called to ask how I was after the holiday. Nobody does that.",
        "I learned why it hurts, not only what to do.",
    ),
    ("promoter", "es"): (
        "Me explicaron todo con calma y en español.",
        "Ya puedo cargar a mi nieta sin dolor.",
        "El trato es muy humano y siempre puntual.",
        "Los ejercicios son claros y cortos.",
        "Me sentí escuchada desde la primera cita.",
    ),
    ("passive", "en"): (
        "Good care, confusing bill.",
        "Helpful, but I saw four different people in eight visits.",
        "Fine overall. Parking is hard after four.",
        "The exercises are good, I would like more time with the therapist.",
        "Getting an evening slot takes weeks.",
        "It helped, though slower than I hoped.",
    ),
    ("passive", "es"): (
        "Buena atención, pero la espera fue larga.",
        "Todo bien, solo que cambian mucho de terapeuta.",
        "La factura no se entiende.",
    ),
    ("detractor", "en"): (
        "Waited 40 minutes twice and nobody said sorry.",
        "I was handed to an aide after five minutes and did the rest alone.",
        "Billed for a visit that you cancelled. Three calls and still not fixed.",
        "My pain is the same as on the first day.",
        "I left two messages and nobody called back.",
        "Felt rushed. I could not ask my questions.",
    ),
    ("detractor", "es"): (
        "Nadie me devolvió la llamada.",
        "Esperé casi una hora y no me avisaron.",
        "Me cobraron una cita que ustedes cancelaron.",
    ),
}
CAUSES = ("waiting", "billing", "communication", "continuity", "outcome")
NOTES = (
    "Apologised for the wait, explained the new check-in.",
    "Bill corrected, new copy sent.",
    "Booked with the same therapist from now on.",
    "Talked it through, will come back next week.",
    "Left word, will try again tomorrow.",
)
