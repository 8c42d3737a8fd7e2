/** The list of what a release is made of, for programs: a CycloneDX 1.6 document in JSON. */
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import manifest from "../../../package.json";
import type { Package } from "./packages.ts";

/** What the document is about. `files` are those that are downloaded, with what each has inside. */
export type SbomParts = {
  readonly version: string;
  readonly timeS: number;
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly has: readonly Package[] }[];
};

/** The file's name in a release. */
export function sbomName(version: string): string {
  return `qn-${version}.cdx.json`;
}

/**
 * The document's text. Equal parts give equal text: its number is made of them, and its time is the release's. What is
 * in a guest image besides qn is Debian's, and not listed.
 */
export function sbomText({ version, timeS, files }: SbomParts): string {
  const qn = new Models.Component(Enums.ComponentType.Application, "qn", {
    bomRef: `qn@${version}`,
    version,
    description: manifest.description,
    licenses: licences(manifest.license),
    purl: `pkg:${manifest.repository.replace(":", "/")}@v${version}`,
  });
  const packages = new Map(files.flatMap(({ has }) => has).map((each) => [refOf(each), component(each)]));
  const downloads = files.map(({ name, sha256, has }) => {
    const file = new Models.Component(Enums.ComponentType.File, name, {
      bomRef: name,
      version,
      hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], sha256]]),
    });
    for (const each of has) dependOn(file, packages.get(refOf(each)));
    return file;
  });
  for (const each of [...downloads, ...packages.values()]) dependOn(qn, each);
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ timestamp: new Date(timeS * 1000), component: qn }),
    components: new Models.ComponentRepository([...packages.values(), ...downloads]),
    serialNumber: `urn:uuid:${Bun.randomUUIDv5(JSON.stringify({ version, timeS, files }), "url")}`,
  });
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return `${new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 })}\n`;
}

// --- internal ---

function refOf({ name, version }: Pick<Package, "name" | "version">): string {
  return `${name}@${version}`;
}

function component({ name, version, licence, homepage, integrity }: Package): Models.Component {
  const sha512 = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
  return new Models.Component(Enums.ComponentType.Library, name, {
    bomRef: refOf({ name, version }),
    version,
    licenses: licences(licence),
    // The hash of the package as npm delivers it, which is what bun.lock has.
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-512"], sha512]]),
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    externalReferences: new Models.ExternalReferenceRepository([
      new Models.ExternalReference(homepage, Enums.ExternalReferenceType.Website),
    ]),
  });
}

/** One licence by its name in SPDX's list, or an expression of several. */
function licences(licence: string): Models.LicenseRepository {
  const isOne = /^[\w.+-]+$/.test(licence);
  return new Models.LicenseRepository([
    isOne ? new Models.SpdxLicense(licence) : new Models.LicenseExpression(licence),
  ]);
}

function dependOn(from: Models.Component, to: Models.Component | undefined): void {
  if (to !== undefined) from.dependencies.add(to.bomRef);
}
