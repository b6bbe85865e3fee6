// Passkeys: the button asks the server what to ask the browser, and the browser's answer goes with the form. Without
// this script the button stays hidden: a passkey needs it, and every page has another way.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The server's options with the bytes that it wrote as base64url. */
function decoded(options) {
  const ids = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
  const made = { ...options, challenge: bytes(options.challenge) };
  if (options.user) made.user = { ...options.user, id: bytes(options.user.id) };
  if (options.allowCredentials) made.allowCredentials = ids(options.allowCredentials);
  if (options.excludeCredentials) made.excludeCredentials = ids(options.excludeCredentials);
  return made;
}

/** The browser's answer as JSON, bytes as base64url (the shape of PublicKeyCredential.toJSON, which is younger). */
function encoded(credential) {
  const said = credential.response;
  const response = { clientDataJSON: text(said.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (said[name]) response[name] = text(said[name]);
  }
  if (said.getTransports) response.transports = said.getTransports();
  return JSON.stringify({
    id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

/** Ask the server, then the browser; a page that is open for too long is told so. */
async function ask(form) {
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(form.dataset.passkey, { method: "POST", headers: { "X-CSRFToken": token } });
  if (!answer.ok || answer.redirected) throw new TypeError("no options");
  const publicKey = decoded(await answer.json());
  const makes = "makes" in form.dataset;
  return makes ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey });
}

/** The button's work: the answer goes into the form, the form goes to the server. */
async function use(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const button = form.querySelector("button");
  if (button.getAttribute("aria-busy") || !form.reportValidity()) return;
  const problem = form.querySelector("[data-problem]");
  problem.hidden = true;
  button.setAttribute("aria-busy", "true");
  try {
    form.elements.credential.value = encoded(await ask(form));
    form.submit();
  } catch (error) {
    problem.textContent = error instanceof TypeError ? form.dataset.unheard : form.dataset.unfinished;
    problem.hidden = false;
    button.removeAttribute("aria-busy");
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", use);
  }
}
