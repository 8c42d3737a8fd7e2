/** Heads of qcow2 files, whole and otherwise, by QEMU's docs/interop/qcow2.txt. */

/** What a head says; a whole one of version 3 that needs no other file unless told otherwise. */
export type Head = {
  readonly magic?: string;
  readonly version?: number;
  /** A name, and where it is said to be: behind the head. */
  readonly backing?: string;
  readonly clusterBits?: number;
  readonly encryption?: number;
  readonly incompatible?: bigint;
  readonly length?: number;
  readonly extensions?: readonly { readonly type: number; readonly size?: number; readonly text?: string }[];
};

/** A head, with its extensions and their end. */
export function qcow2Head(says: Head = {}): Buffer {
  const { magic = "QFI\u00fb", version = 3, backing = "", clusterBits = 16, encryption = 0, extensions = [] } = says;
  const length = says.length ?? (version === 2 ? 72 : 104);
  const head = Buffer.alloc(version === 2 ? 72 : 104);
  const words = extensions.map(({ type, text = "", size = Buffer.byteLength(text) }) => {
    const content = Buffer.from(text);
    const extension = Buffer.alloc(8 + Math.ceil(content.length / 8) * 8);
    extension.writeUInt32BE(type, 0);
    extension.writeUInt32BE(size, 4);
    content.copy(extension, 8);
    return extension;
  });
  const body = Buffer.concat([...words, Buffer.alloc(8)]);
  head.write(magic, 0, "latin1");
  head.writeUInt32BE(version, 4);
  head.writeBigUInt64BE(backing === "" ? 0n : BigInt(head.length + body.length), 8);
  head.writeUInt32BE(Buffer.byteLength(backing), 16);
  head.writeUInt32BE(clusterBits, 20);
  head.writeUInt32BE(encryption, 32);
  if (version !== 2) {
    head.writeBigUInt64BE(says.incompatible ?? 0n, 72);
    head.writeUInt32BE(4, 96);
    head.writeUInt32BE(length, 100);
  }
  return Buffer.concat([head, body, Buffer.from(backing)]);
}
