/** A registry on this machine's loopback with one image of one file, as far as `docker pull` asks (OCI's distribution-spec). */
import { gzipSync } from "node:zlib";
import type { Certified } from "./certificates.ts";
import { rawTar } from "./raw-tar.ts";

/** It; `name` is how a pull names its image, `asked` every path that it was asked for. */
export type Registry = AsyncDisposable & { readonly name: string; readonly asked: readonly string[] };

/** Serves plainly, or with a certificate for localhost. */
export function registry(tls?: Pick<Certified, "key" | "cert">): Registry {
  const asked: string[] = [];
  const served = imageOf(rawTar([{ name: "pulled", text: "from a registry\n" }]));
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      if (pathname === "/v2/") return Response.json({});
      const found = served.get(pathname.split("/").at(-1) ?? "");
      if (found === undefined) return new Response("", { status: 404 });
      const headers = { "Content-Type": found.type, "Docker-Content-Digest": digestOf(found.bytes) };
      return new Response(Buffer.from(found.bytes), { headers });
    },
  });
  return { name: `localhost:${server.port}/x`, asked, [Symbol.asyncDispose]: () => server.stop(true) };
}

// --- internal ---

type Blob = { readonly type: string; readonly bytes: Uint8Array };

/** The manifest by tag and digest, and what it names by digest (image manifest version 2, schema 2). */
function imageOf(layer: Buffer): ReadonlyMap<string, Blob> {
  const types = "application/vnd.docker";
  const packed = { type: `${types}.image.rootfs.diff.tar.gzip`, bytes: gzipSync(layer) };
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const rootfs = { type: "layers", diff_ids: [digestOf(layer)] };
  const config = json(`${types}.container.image.v1+json`, { architecture, os: "linux", config: {}, rootfs });
  const manifest = json(`${types}.distribution.manifest.v2+json`, {
    schemaVersion: 2,
    mediaType: `${types}.distribution.manifest.v2+json`,
    config: descriptor(config),
    layers: [descriptor(packed)],
  });
  const blobs = [manifest, config, packed].map((each) => [digestOf(each.bytes), each] as const);
  return new Map([["latest", manifest], ...blobs]);
}

function json(type: string, value: unknown): Blob {
  return { type, bytes: new TextEncoder().encode(JSON.stringify(value)) };
}

function descriptor({ type, bytes }: Blob) {
  return { mediaType: type, size: bytes.length, digest: digestOf(bytes) };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}
