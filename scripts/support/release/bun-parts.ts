/**
 * What Bun's program has in it of others, by licence: its own list, LICENSE.md in its repository, as it stood in
 * autumn 2026. npm's packages of Bun bring no text along.
 */

/** Where the list is that goes with a version of Bun, with an address for each library. */
export function bunLicenceAddress(version: string): string {
  return `https://github.com/oven-sh/bun/blob/bun-v${version}/LICENSE.md`;
}

/** Libraries by their licence, as SPDX writes it where it has a word for it. */
export const bunParts: Readonly<Record<string, readonly string[]>> = {
  "LGPL-2.0-or-later": ["JavaScriptCore and parts of WebCore (WebKit)"],
  "LGPL-2.1": ["tinycc"],
  MIT: [
    "brotli",
    "c-ares",
    "libdeflate",
    "ls-hpack",
    "ls-qpack",
    "lsquic (parts of it of Chromium's: BSD-3-Clause)",
    "mimalloc",
    "picohttpparser",
    "uucode",
    "acorn and the other packages for browsers that Bun lends to programs which ask for them",
    "parts of esbuild, on which Bun's transpiler is modelled",
  ],
  "Apache-2.0": ["highway", "simdutf", "parts of TigerBeetle", "uSockets", "uWebSockets"],
  "Apache-2.0 WITH LLVM-exception": ["parts of libc++abi"],
  "BSD-2-Clause": ["libbase64", "libspng"],
  "BSD-3-Clause": ["libwebp", "lol-html", "zstd"],
  "BSD-3-Clause, IJG and Zlib": ["libjpeg-turbo"],
  Zlib: ["zlib-ng"],
  "Unicode-3.0": ["ICU"],
  "several, mostly BSD and OpenSSL": ["BoringSSL", "libarchive"],
};

/** The MIT licence of Bun's own parts. */
export const bunLicence = `MIT License

Copyright (c) Oven and the contributors of Bun

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
