/** The authorities that dockerd is to believe besides its guest's: those added to this machine, or a file's. */
import type { X509Certificate } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { counted, type HostOs } from "../../base/words.ts";
import { isThere } from "../../system/files.ts";
import { run } from "../../system/process.ts";
import { caCertificatesMax } from "../../protocol/messages.ts";
import { certificatesIn, type Found, joined, wrong } from "./certificates-in.ts";
import { ownHome } from "../../system/platform.ts";

/** Where a machine keeps what was added to it, and which of that counts. */
export type CaStores = {
  /** Folders, and which names in them are read. */
  readonly folders: readonly { readonly folder: string; readonly names: RegExp }[];
  /** A program that says certificates in PEM. */
  readonly command?: readonly string[];
  /** Of what else lies there nothing is an authority's: keys of the system, and what somebody else has signed. */
  readonly rootsOnly?: true;
};

/**
 * Where somebody who adds an authority puts it: Debian and Alpine (update-ca-certificates(8)), Fedora and RHEL
 * (update-ca-trust(8)), openSUSE, Arch; on a Mac the keychains of the system and of the user (security(1)). NixOS keeps
 * no such place.
 */
export const storesOf: Readonly<Record<HostOs, CaStores>> = {
  linux: {
    folders: [
      { folder: "/usr/local/share/ca-certificates", names: /\.crt$/ },
      { folder: "/etc/pki/ca-trust/source/anchors", names: /^[^.]/ },
      { folder: "/etc/pki/trust/anchors", names: /^[^.]/ },
      { folder: "/etc/ca-certificates/trust-source/anchors", names: /^[^.]/ },
    ],
  },
  darwin: {
    folders: [],
    command: [
      "/usr/bin/security",
      "find-certificate",
      "-a",
      "-p",
      "/Library/Keychains/System.keychain",
      join(ownHome(), "Library/Keychains/login.keychain-db"),
    ],
    rootsOnly: true,
  },
};

/**
 * The certificates that the setting `docker.caCertificates` names, each once, as DER in base64. Throws CONFIG_INVALID
 * with everything in them that is no certificate, and for more than a guest can be told at boot.
 */
export async function caCertificates(setting: string, stores: CaStores = storesHere()): Promise<readonly string[]> {
  if (setting === "none") return [];
  const { certificates, mistakes } = setting === "host" ? await addedTo(stores) : await certificatesOf(setting);
  if (mistakes.length > 0) {
    const [first = "", ...more] = mistakes;
    if (more.length === 0) throw new QnError("CONFIG_INVALID", `docker.caCertificates: ${first}.`, { hint });
    const message = `docker.caCertificates: ${counted(mistakes.length, "mistake")}.`;
    throw new QnError("CONFIG_INVALID", message, { details: mistakes, hint });
  }
  const texts = [...new Set(certificates.map(({ raw }) => raw.toString("base64")))];
  const bytes = texts.join("").length;
  if (texts.length <= caCertificatesMax && bytes <= tellableBytesMax) return texts;
  const message = `docker.caCertificates: ${counted(texts.length, "certificate")} of ${bytes} bytes are more than a guest can be told, which is ${caCertificatesMax} of ${tellableBytesMax} bytes.`;
  throw new QnError("CONFIG_INVALID", message, { hint: "Name a file with those that Docker needs." });
}

// --- internal ---

const hint = "Name a file that holds certificates in PEM alone, or none (`qn config set docker.caCertificates=none`).";

/** All that a guest is told at boot has 44,000 bytes (supervisor/boot): this much is some fifteen certificates. */
const tellableBytesMax = 28_000;

/** More than any of them has. */
const fileBytesMax = 1_048_576;

function storesHere(): CaStores {
  return process.platform === "darwin" ? storesOf.darwin : storesOf.linux;
}

async function addedTo({ folders, command, rootsOnly }: CaStores): Promise<Found> {
  const found = await Promise.all(folders.map(certificatesBelow));
  if (command !== undefined) found.push(await saidBy(command));
  const all = joined(found);
  return rootsOnly === true ? { ...all, certificates: all.certificates.filter(isRoot) } : all;
}

/** An authority that has signed itself: the keychains hold keys of the system and of the user besides. */
function isRoot(certificate: X509Certificate): boolean {
  return certificate.ca && certificate.checkIssued(certificate);
}

/** Of a folder that is not there nothing; of one that cannot be read, or only in part, a mistake. */
async function certificatesBelow({ folder, names }: CaStores["folders"][number]): Promise<Found> {
  try {
    if (!(await isThere(folder))) return joined([]);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory() && names.test(entry.name));
    const paths = files.map(({ parentPath, name }) => join(parentPath, name)).toSorted();
    return joined(await Promise.all(paths.map(certificatesOf)));
  } catch (error) {
    return wrong(`${folder} cannot be read: ${messageOf(error)}`);
  }
}

async function certificatesOf(path: string): Promise<Found> {
  try {
    const about = await stat(path);
    if (!about.isFile()) return wrong(`${path} is not a file`);
    if (about.size > fileBytesMax) return wrong(`${path} has ${about.size} bytes, and may have ${fileBytesMax}`);
    return certificatesIn(await readFile(path), path);
  } catch (error) {
    return wrong(`${path} cannot be read: ${messageOf(error)}`);
  }
}

async function saidBy(command: readonly string[]): Promise<Found> {
  const { exitCode, stdout, stderr } = await run(command);
  if (exitCode !== 0) return wrong(`${command.slice(0, 2).join(" ")} failed: ${stderr.trim()}`);
  return stdout.trim() === "" ? joined([]) : certificatesIn(Buffer.from(stdout), "the keychains");
}
