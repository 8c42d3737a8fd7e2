/** Blots out of a text what looks like a secret, whoever wrote it. Too much rather than too little. */

/** The text without private keys, what is called a secret or has the look of one, and whom a URL lets in. */
export function withoutSecrets(text: string): string {
  return rules.reduce((clean, [found, instead]) => clean.replaceAll(found, instead), text);
}

// --- internal ---

/** What a secret is called: `password`, `DB_PASSWD`, `api-key`, `DOCKER_AUTH_CONFIG`, `X-Registry-Auth`. */
const called =
  /(?:pass(?:word|wd|phrase)?|secret|token|credential|auth(?:orization|entication)?|cookie|(?:api|access|private|signing)[_-]?key)s?(?:[_-][\w-]{0,40})?/i
    .source;

/** A quotation mark as it stands in JSON, in JSON within JSON, and so on. */
const quote = String.raw`\\*["']`;

/**
 * Each rule with what takes its place, in the order of their use. A guest writes what they are used on: none goes over
 * a part of the text more often than a bounded number of times.
 */
const rules: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, "[private key]"],
  // Whom a URL lets in: `https://ann:password@`, `https://token@`. A password may have an @ in it.
  [/((?<![a-z0-9+.-])[a-z][a-z0-9+.-]*:\/\/)[^\s/"'\\]+@/gi, "$1[secret]@"],
  // In quotation marks, to the same mark that is not escaped more than the first: `"token": "x"`, `{\"auth\":\"x\"}`.
  [new RegExp(String.raw`(${called}(?:${quote})?\s*[:=]\s*)(${quote})(?:(?!\2)[^\n])*\2`, "gi"), "$1$2[secret]$2"],
  // Braces and brackets may hold any number of them: to the end of the line.
  [new RegExp(String.raw`(${called}(?:${quote})?\s*[:=]\s*)(?![\\"'\s]|\[secret\])[{[][^\n]*`, "gi"), "$1[secret]"],
  // `password=x,y;z`: to the next space, since what follows a comma may belong to it.
  [new RegExp(String.raw`(${called}(?:${quote})?\s*=\s*)(?!["'\\]*\[secret\])\S+`, "gi"), "$1[secret]"],
  // `password: x y`, `Authorization: Bearer x`: to the end of the line.
  [
    new RegExp(String.raw`(${called}(?:${quote})?[ \t]*:[ \t]*)(?!["'\\]*\[secret\])[^\s"'\\][^\n]*`, "gi"),
    "$1[secret]",
  ],
  // `--password x`, `--token=x`.
  [new RegExp(String.raw`(--?[\w.-]{0,40}${called}[= ]+)(?!["'\\]*\[secret\])\S+`, "gi"), "$1[secret]"],
  // `-pX`, but for ports and numbers; `login … -p X`; `-u ann:X`.
  [/((?:^|\s)-p)(?![\d.:[\]-]+(?:\/(?:tcp|udp|sctp))?(?:\s|$))[^\s-]\S*/g, "$1[secret]"],
  [/(\blogin\b[^\n]{0,200}\s-p\s+)\S+/g, "$1[secret]"],
  [/(\s(?:-u|--user)[= ]?[^\s:@/]+:)(?!\d+(?:\s|$))\S+/g, "$1[secret]"],
  // What issuers have given a form by which it is known: GitHub, GitLab, Slack, AWS, npm, Docker Hub, JSON Web Tokens.
  [
    /(?<![\w-])(?:gh[opusr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|xox[abpr]-[\w-]{10,}|A[KS]IA[A-Z0-9]{16}|npm_\w{30,}|dckr_pat_[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*)/g,
    "[secret]",
  ],
];
