"""What mail to staff says, by kind and language: no patient, no clinic's business, nothing but the account.

Facts of a notice are `notice.<name>` here, its page is `links.act`, the person's name `member.name`, the moment at
which it was queued `notice.when`. A mail that belongs to no practice has the product's name in place of the practice's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from messaging.compose.fields import STAFF_LINK

WHY = {
    "en": "This is about your staff account at {{ practice.name }}",
    "es": "Este mensaje es sobre su cuenta de personal en {{ practice.name }}",
}
ROLES = {
    "en": {"owner": "owner", "manager": "manager", "therapist": "therapist", "front_desk": "front desk",
           "read_only": "read only"},
    "es": {"owner": "propietario", "manager": "gerente", "therapist": "terapeuta", "front_desk": "recepción",
           "read_only": "solo lectura"},
}  # fmt: skip
FACTORS = {
    "en": {"totp": "an authenticator app", "passkey": "a passkey", "recovery": "printed recovery codes"},
    "es": {"totp": "una aplicación de autenticación", "passkey": "una llave de acceso",
           "recovery": "códigos de recuperación impresos"},
}  # fmt: skip
NOT_YOU = {
    "en": "If this was not you, tell an owner of your practice at once. They can end your sessions.",
    "es": "Si no fue usted, avise enseguida a un propietario de su práctica. Puede cerrar sus sesiones.",
}


@dataclass(frozen=True, slots=True)
class Words:
    """One mail: a subject, a heading, paragraphs, and the words of its button where it leads to a page."""

    subject: str
    heading: str
    text: tuple[str, ...]
    button: str = ""
    after: str = ""  # below the button


WORDS: dict[str, dict[str, Words]] = {
    "invitation": {
        "en": Words(
            "Join {{ practice.name }}",
            "{{ notice.inviter }} invites you to {{ practice.name }}",
            ("Your role: {{ notice.role }}. You choose a password and a second way to sign in. It takes a few "
             "minutes.",),
            "Join",
            "The link works until {{ notice.expires }}, and once. If you do not know {{ notice.inviter }}, you need do "
            "nothing.",
        ),
        "es": Words(
            "Únase a {{ practice.name }}",
            "{{ notice.inviter }} le invita a {{ practice.name }}",
            ("Su función: {{ notice.role }}. Usted elige una contraseña y una segunda forma de entrar. Toma unos "
             "minutos.",),
            "Unirse",
            "El enlace funciona hasta el {{ notice.expires }}, y una sola vez. Si no conoce a {{ notice.inviter }}, no "
            "tiene que hacer nada.",
        ),
    },
    "password_reset": {
        "en": Words(
            "Set a new password",
            "Set a new password",
            ("Somebody, you we think, asked for a new password for this address.",),
            "Set a new password",
            "The link works until {{ notice.expires }}, and once. If you did not ask, do nothing: your password stays "
            "as it is.",
        ),
        "es": Words(
            "Elija una contraseña nueva",
            "Elija una contraseña nueva",
            ("Alguien, creemos que usted, pidió una contraseña nueva para esta dirección.",),
            "Elegir contraseña",
            "El enlace funciona hasta el {{ notice.expires }}, y una sola vez. Si no la pidió, no haga nada: su "
            "contraseña sigue igual.",
        ),
    },
    "password_changed": {
        "en": Words(
            "Your password was changed",
            "Your password was changed",
            ("It was changed on {{ notice.when }}. Your other sessions were ended.", NOT_YOU["en"]),
        ),
        "es": Words(
            "Su contraseña cambió",
            "Su contraseña cambió",
            ("Se cambió el {{ notice.when }}. Sus otras sesiones se cerraron.", NOT_YOU["es"]),
        ),
    },
    "factor_added": {
        "en": Words(
            "A way to sign in was added",
            "A way to sign in was added",
            ("Added on {{ notice.when }}: {{ notice.factor }}.", NOT_YOU["en"]),
        ),
        "es": Words(
            "Se agregó una forma de entrar",
            "Se agregó una forma de entrar",
            ("Agregada el {{ notice.when }}: {{ notice.factor }}.", NOT_YOU["es"]),
        ),
    },
    "factor_removed": {
        "en": Words(
            "A way to sign in was removed",
            "A way to sign in was removed",
            ("Removed on {{ notice.when }}: {{ notice.factor }}.", NOT_YOU["en"]),
        ),
        "es": Words(
            "Se quitó una forma de entrar",
            "Se quitó una forma de entrar",
            ("Quitada el {{ notice.when }}: {{ notice.factor }}.", NOT_YOU["es"]),
        ),
    },
    "recovery_requested": {
        "en": Words(
            "A colleague cannot sign in",
            "{{ notice.who }} cannot sign in",
            ("{{ notice.who }} has lost the second way to sign in and asks you to confirm.",
             "Confirm only after you have spoken, face to face or on a number that you know."),
            "See the request",
        ),
        "es": Words(
            "Un colega no puede entrar",
            "{{ notice.who }} no puede entrar",
            ("{{ notice.who }} perdió su segunda forma de entrar y le pide que confirme.",
             "Confirme solo después de hablar en persona o a un número que usted conoce."),
            "Ver la solicitud",
        ),
    },
    "recovery_confirmed": {
        "en": Words(
            "You can sign in again",
            "You can sign in again",
            ("{{ notice.by }} has confirmed that it is you. Set up a new second way to sign in.",),
            "Set it up",
            "The link works until {{ notice.expires }}, and once.",
        ),
        "es": Words(
            "Ya puede entrar de nuevo",
            "Ya puede entrar de nuevo",
            ("{{ notice.by }} confirmó que es usted. Configure una nueva segunda forma de entrar.",),
            "Configurar",
            "El enlace funciona hasta el {{ notice.expires }}, y una sola vez.",
        ),
    },
    "recovery_refused": {
        "en": Words(
            "Your request was refused",
            "Your request was refused",
            ("{{ notice.by }} did not confirm that it is you who cannot sign in. Speak with them.", NOT_YOU["en"]),
        ),
        "es": Words(
            "Su solicitud fue rechazada",
            "Su solicitud fue rechazada",
            ("{{ notice.by }} no confirmó que es usted quien no puede entrar. Hable con esa persona.", NOT_YOU["es"]),
        ),
    },
    "recovery_code_used": {
        "en": Words(
            "A recovery code was used",
            "A recovery code was used",
            ("Somebody signed in with one of your printed codes on {{ notice.when }}. Codes left: {{ notice.left }}.",
             NOT_YOU["en"]),
        ),
        "es": Words(
            "Se usó un código de recuperación",
            "Se usó un código de recuperación",
            ("Alguien entró con uno de sus códigos impresos el {{ notice.when }}. Códigos restantes: "
             "{{ notice.left }}.", NOT_YOU["es"]),
        ),
    },
    "recovery_codes_made": {
        "en": Words(
            "You have new recovery codes",
            "You have new recovery codes",
            ("They were made on {{ notice.when }}. Earlier ones no longer work.", NOT_YOU["en"]),
        ),
        "es": Words(
            "Usted tiene códigos de recuperación nuevos",
            "Usted tiene códigos de recuperación nuevos",
            ("Se crearon el {{ notice.when }}. Los anteriores ya no funcionan.", NOT_YOU["es"]),
        ),
    },
    "sign_up": {
        "en": Words(
            "Confirm your address",
            "Confirm your address",
            ("With this link you go on setting up your practice.",),
            "Go on",
            "The link works until {{ notice.expires }}. If you did not ask for it, you need do nothing.",
        ),
        "es": Words(
            "Confirme su dirección",
            "Confirme su dirección",
            ("Con este enlace usted sigue configurando su práctica.",),
            "Seguir",
            "El enlace funciona hasta el {{ notice.expires }}. Si no lo pidió, no tiene que hacer nada.",
        ),
    },
    "support_grant": {
        "en": Words(
            "Support may look into {{ practice.name }}",
            "Support may look into {{ practice.name }}",
            ("An owner has let support in until {{ notice.until }}. Reason: {{ notice.reason }}",
             "Everything that support reads is recorded. An owner can end this at any time in Settings."),
        ),
        "es": Words(
            "Soporte puede ver {{ practice.name }}",
            "Soporte puede ver {{ practice.name }}",
            ("Un propietario dio acceso a soporte hasta el {{ notice.until }}. Motivo: {{ notice.reason }}",
             "Todo lo que soporte lee queda registrado. Un propietario puede terminarlo cuando quiera en Ajustes."),
        ),
    },
    "role_changed": {
        "en": Words(
            "Your role changed",
            "Your role in {{ practice.name }} changed",
            ("Your role is now: {{ notice.role }}. Sign in again to go on.",),
        ),
        "es": Words(
            "Su función cambió",
            "Su función en {{ practice.name }} cambió",
            ("Su función es ahora: {{ notice.role }}. Entre de nuevo para seguir.",),
        ),
    },
    "membership_ended": {
        "en": Words(
            "Your access ended",
            "Your access to {{ practice.name }} ended",
            ("It ended on {{ notice.when }}. If you think that this is a mistake, ask an owner of the practice.",),
        ),
        "es": Words(
            "Su acceso terminó",
            "Su acceso a {{ practice.name }} terminó",
            ("Terminó el {{ notice.when }}. Si cree que es un error, pregunte a un propietario de la práctica.",),
        ),
    },
}  # fmt: skip

FACTS: dict[str, frozenset[str]] = {
    "invitation": frozenset({"inviter", "role", "url", "expires"}),
    "password_reset": frozenset({"url", "expires"}),
    "factor_added": frozenset({"factor"}),
    "factor_removed": frozenset({"factor"}),
    "recovery_requested": frozenset({"who", "url"}),
    "recovery_confirmed": frozenset({"by", "url", "expires"}),
    "recovery_refused": frozenset({"by"}),
    "recovery_code_used": frozenset({"left"}),
    "sign_up": frozenset({"url", "expires"}),
    "support_grant": frozenset({"until", "reason"}),
    "role_changed": frozenset({"role"}),
}


def wording(kind: str, language: str) -> Mapping[str, Any]:
    """The wording of a kind as `messaging.compose.mail` compiles it. KeyError for a kind without words."""
    say = WORDS[kind][language]
    parts = [{"type": "heading", "text": say.heading}]
    parts += [{"type": "text", "text": f"<p>{paragraph}</p>"} for paragraph in say.text]
    if say.button:
        parts.append({"type": "button", "label": say.button, "link": STAFF_LINK})
    if say.after:
        parts.append({"type": "text", "text": f"<p>{say.after}</p>"})
    return {"subject": say.subject, "preheader": "", "blocks": parts, "why": WHY[language]}
