/** Archives as no tar makes them: every field is of the writer's choice. */

/** An entry of the old format of POSIX (ustar); `type` is its typeflag, a plain file unless said otherwise. */
export type RawEntry = {
  readonly name: string;
  readonly type?: keyof typeof typeflags;
  readonly mode?: number;
  readonly link?: string;
  readonly text?: string;
};

/** The archive, its end included. */
export function rawTar(entries: readonly RawEntry[]): Buffer {
  const end = Buffer.alloc(1024);
  return Buffer.concat([...entries.flatMap((entry) => [headerOf(entry), contentOf(entry)]), end]);
}

// --- internal ---

const typeflags = {
  file: "0",
  hardlink: "1",
  link: "2",
  characters: "3",
  blocks: "4",
  folder: "5",
  fifo: "6",
} as const;

function headerOf({ name, type = "file", mode = 0o644, link = "", text = "" }: RawEntry): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, length: number): string => value.toString(8).padStart(length - 1, "0");
  header.write(name, 0, 100);
  header.write(octal(mode, 8), 100);
  // An owner that is nobody here.
  header.write(octal(4242, 8), 108);
  header.write(octal(4242, 8), 116);
  header.write(octal(Buffer.byteLength(text), 12), 124);
  header.write(octal(1_000_000_000, 12), 136);
  header.write(typeflags[type], 156);
  header.write(link, 157, 100);
  header.write("ustar\u000000", 257);
  // The null device's numbers.
  header.write(octal(1, 8), 329);
  header.write(octal(3, 8), 337);
  header.write(" ".repeat(8), 148);
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte),
      7,
    )}\u0000 `,
    148,
  );
  return header;
}

function contentOf({ text = "" }: RawEntry): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
