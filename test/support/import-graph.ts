/** Who imports whom in src/, as rooms and arrows: what holds the house to one direction, and counts it. */
import { posix } from "node:path";
import type { SourceFile } from "./house-rules.ts";

/** Files and the files that they import, type-only imports included; paths from the root of the repository. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** What a file imports, as it is written. */
export function importsOf(text: string): string[] {
  // Regular expressions and not `Bun.Transpiler.scanImports`: that one leaves out type-only imports.
  const statements = /^(?:import |\} from |(?:import|export)\b[^"\n]* from )"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return [...text.matchAll(statements)].map(([, fixed, lazy]) => fixed ?? lazy ?? "");
}

/** The graph of these files; what they import of others is left out. */
export function importGraph(files: readonly SourceFile[]): ImportGraph {
  const paths = new Set(files.map(({ path }) => path));
  return new Map(
    files.map(({ path, text }) => {
      const targets = importsOf(text)
        .filter((target) => target.startsWith("."))
        .map((target) => posix.join(posix.dirname(path), target));
      return [path, [...new Set(targets)].filter((target) => paths.has(target))];
    }),
  );
}

/**
 * The room of a file inside a part of the house: its folder, or the file itself where it lies beside the rooms.
 * `src/host/ports/listener-plan.ts` is in `ports`, `src/host/layout.ts` in `layout`.
 */
export function roomIn(part: string, path: string): string | undefined {
  if (!path.startsWith(`${part}/`)) return undefined;
  const [first = ""] = path.slice(part.length + 1).split("/");
  return first.replace(/\.ts$/, "");
}

/** Each arrow between two rooms of a part, `from > to`, with the imports that make it. */
export function arrowsIn(part: string, graph: ImportGraph): ReadonlyMap<string, readonly string[]> {
  const arrows = new Map<string, string[]>();
  for (const [path, targets] of graph) {
    for (const target of targets) {
      const [from, to] = [roomIn(part, path), roomIn(part, target)];
      if (from === undefined || to === undefined || from === to) continue;
      const arrow = `${from} > ${to}`;
      arrows.set(arrow, [...(arrows.get(arrow) ?? []), `${path} imports ${target}`]);
    }
  }
  return arrows;
}

/** Groups that import each other in a circle, each in alphabetical order (Tarjan's strongly connected components). */
export function circlesOf(graph: ImportGraph): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (node: string): void => {
    const own = index.size;
    index.set(node, own);
    low.set(node, own);
    stack.push(node);
    for (const target of graph.get(node) ?? []) {
      if (!index.has(target)) visit(target);
      const reached = stack.includes(target) ? Math.min(low.get(target) ?? own, index.get(target) ?? own) : own;
      low.set(node, Math.min(low.get(node) ?? own, reached));
    }
    if (low.get(node) !== own) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) circles.push(circle.toSorted());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return circles;
}
