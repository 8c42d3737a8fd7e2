/** Addresses of a release: of its files, and where a server may send whoever asks for one of them. */
import manifest from "../../../../package.json";
import { QnError } from "../../../base/errors.ts";
import { type ImageSource, imageSourceOf } from "../../config/image-source.ts";

/** What has a release's files: a folder, or a server, which has them below an address that ends with a slash. */
export type ReleaseSource = Extract<ImageSource, { readonly kind: "folder" | "web" }>;

/** Where this qn is at home, by the one word in package.json that names its repository. */
export const repositoryUrl = `https://github.com/${manifest.repository.replace(/^github:/, "")}`;

/**
 * The newest release of this qn. GitHub answers this address with a redirect to the newest release's file
 * (docs.github.com, "Linking to releases").
 */
export const ownRelease = `${repositoryUrl}/releases/latest/download/`;

/** Where its releases have a folder each, by their tags. */
export const ownReleases = `${repositoryUrl}/releases/download/`;

/** How often a server may send on: from a name to a release to where its files lie takes three. */
export const redirectsMax = 5;

/** What the setting `imageUrl` names; nothing for `none`. Throws CONFIG_INVALID. */
export function releaseSource(imageUrl: string): ReleaseSource | undefined {
  const source = imageSourceOf(imageUrl);
  switch (source?.kind) {
    case "release":
      return { kind: "web", base: ownRelease };
    case "none":
      return undefined;
    case "folder":
    case "web":
      return source;
    case undefined:
  }
  throw new QnError("CONFIG_INVALID", `imageUrl is "${imageUrl}", which is no source of images.`);
}

/** The address of one of a release's files, for people and for asking. `name` has no slashes in it. */
export function addressOf(source: ReleaseSource, name: string): string {
  return source.kind === "folder" ? `${source.path}/${name}` : new URL(encodeURIComponent(name), source.base).href;
}

/**
 * The address that a server sends on to, when it may: to itself, encrypted as before; from GitHub to where it keeps the
 * files of releases. Anywhere else would let whoever runs a mirror, or an open redirect on it, have qn ask servers that
 * only this machine reaches. Throws IMAGE_PULL_FAILED.
 */
export function sentOn(from: string, location: string): string {
  const to = URL.parse(location, from);
  const { origin, hostname } = new URL(from);
  const isElsewhere =
    to !== null && to.protocol === "https:" && to.port === "" && (storageOf[hostname] ?? []).includes(to.hostname);
  if (to !== null && `${to.username}${to.password}` === "" && (to.origin === origin || isElsewhere)) return to.href;
  throw new QnError(
    "IMAGE_PULL_FAILED",
    `${from} sends on to ${to?.origin ?? "no address"}, where qn does not follow.`,
    {
      hint: "Name that server itself by the setting imageUrl, if you trust it.",
    },
  );
}

// --- internal ---

/**
 * Where hosts keep what they answer with: by 2026 the files of GitHub's releases are at the first, before at the
 * second.
 */
const storageOf: Readonly<Record<string, readonly string[]>> = {
  "github.com": ["release-assets.githubusercontent.com", "objects.githubusercontent.com"],
};
