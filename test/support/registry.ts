/**
 * A registry on this machine's loopback, as far as `docker pull` asks (OCI Distribution 1.1): no test needs the internet. A
 * guest reaches it at 10.0.2.2, and its dockerd at localhost too.
 */
import { gzipSync } from "node:zlib";
import { ownArch } from "../../src/system/platform.ts";
import type { Certified } from "./certificates.ts";
import { rawTar } from "./raw-tar.ts";

/** An image of one layer: a tar archive of its files, and what its containers run unless they are told otherwise. */
export type HubImage = { readonly layer: Uint8Array; readonly command: readonly string[] };

/** The registry; `asked` is every path that it was asked for. */
export type Registry = AsyncDisposable & { readonly port: number; readonly asked: readonly string[] };

/** An image of one file, for who only looks at where a pull comes from. */
export const oneFile: HubImage = { layer: rawTar([{ name: "pulled", text: "from a registry\n" }]), command: [] };

/** Serves images by their names in it, with any tag: plainly, or with a certificate; to this machine alone, unless told otherwise. */
export function registry(
  images: Readonly<Record<string, HubImage>>,
  tls?: Pick<Certified, "key" | "cert">,
  hostname = "127.0.0.1",
): Registry {
  const asked: string[] = [];
  const blobs = new Map<string, Blob>();
  const manifests = new Map(Object.entries(images).map(([name, image]) => [name, keepImage(blobs, image)]));
  const server = Bun.serve({
    hostname,
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    fetch({ url }) {
      const path = new URL(url).pathname;
      asked.push(path);
      if (path === "/v2/") return new Response("{}");
      const [, name = "", kind, reference = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
      const digest = kind === "manifests" && !reference.includes(":") ? manifests.get(name) : reference;
      const blob = blobs.get(digest ?? "");
      if (blob === undefined || digest === undefined) return new Response("{}", { status: 404 });
      return new Response(Buffer.from(blob.bytes), {
        headers: { "Content-Type": blob.type, "Docker-Content-Digest": digest },
      });
    },
  });
  return { port: server.port ?? 0, asked, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** The setting `docker.daemon` with which a guest asks this registry in the place of Docker Hub, where images are `library/NAME`. */
export function asDockerHub({ port }: Registry): string {
  const at = `10.0.2.2:${port}`;
  // BuildKit does not believe a mirror's address that it goes without TLS.
  return JSON.stringify({ "registry-mirrors": [`http://${at}`], "insecure-registries": [at] });
}

// --- internal ---

type Blob = { readonly type: string; readonly bytes: Uint8Array };

const oci = "application/vnd.oci.image";

/** Keeps an image's manifest, settings and layer by their digests, and gives the manifest's. */
function keepImage(blobs: Map<string, Blob>, { layer, command }: HubImage): string {
  const keep = (type: string, bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    blobs.set(digest, { type, bytes });
    return { mediaType: type, size: bytes.length, digest };
  };
  const config = {
    architecture: ownArch() === "aarch64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: command, Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: keep(`${oci}.config.v1+json`, Buffer.from(JSON.stringify(config))),
    layers: [keep(`${oci}.layer.v1.tar+gzip`, gzipSync(layer, { level: 1 }))],
  };
  return keep(manifest.mediaType, Buffer.from(JSON.stringify(manifest))).digest;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}
