/** Whose releases of qn and its images are taken. */
import { createPublicKey, type KeyObject } from "node:crypto";

/**
 * The public keys of whoever releases qn's images: ed25519 in PEM. A release is taken when one of them has signed it,
 * so that a key is followed by another one in this way: the new one is added here, releases are signed with both for as
 * long as there are qns that know only the old one, then the old one goes (docs/decisions.md#d116). While there is
 * none, only images of one's own are fetched, by the setting `imageKey`.
 */
export const releaseKeys: readonly string[] = [];

/** The same as objects. */
export function releaseKeyObjects(): readonly KeyObject[] {
  return releaseKeys.map((pem) => createPublicKey(pem));
}
