/** Blots out of a text what looks like a secret, whoever wrote it. */

/** The text without private keys, without what is called a secret, and without passwords in URLs. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(privateKey, "[private key]").replaceAll(named, "$1[secret]").replaceAll(inUrl, "$1[secret]@");
}

// --- internal ---

const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/** A value that is called a secret: `password: x`, `API_KEY=x`, `"token": "x"`, `Authorization: Bearer x`. */
const named =
  /((?:pass(?:word|wd|phrase)?|secret|token|credential|auth(?:orization)?|(?:api|access|private)[_-]?key)\w*["']?\s*[:=]\s*(?:Bearer |Basic )?["']?)[^\s"',;&]+/gi;

/** A password in a URL. */
const inUrl = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+@/gi;
