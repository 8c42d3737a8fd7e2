/** Counts the house: files, lines, rooms, arrows between rooms, circles. `bun scripts/count-house.ts [FOLDER] [--arrows]`. */
import { join } from "node:path";
import { Glob } from "bun";
import { arrowsIn, circlesOf, importGraph, roomIn } from "../test/support/import-graph.ts";

const [folder = join(import.meta.dir, "..")] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const showsArrows = process.argv.includes("--arrows");
const files = await Promise.all(
  [...new Glob("src/**/*.ts").scanSync(folder)]
    .toSorted()
    .map(async (path) => ({ path, text: await Bun.file(join(folder, path)).text() })),
);
const graph = importGraph(files);
const lines = files.reduce((sum, { text }) => sum + text.trimEnd().split("\n").length, 0);
console.log(`src: ${files.length} files, ${lines} lines; circles of files: ${circlesOf(graph).length}`);
for (const part of ["src/cli", "src/host", "src/agent", "src/system"]) {
  const rooms = new Set(files.flatMap(({ path }) => roomIn(part, path) ?? []));
  const arrows = arrowsIn(part, graph);
  const between = new Map<string, string[]>();
  for (const room of rooms) between.set(room, []);
  for (const arrow of arrows.keys()) {
    const [from = "", to = ""] = arrow.split(" > ");
    between.get(from)?.push(to);
  }
  const circles = circlesOf(between).map((circle) => circle.join(", "));
  console.log(`${part}: ${rooms.size} rooms, ${arrows.size} arrows, circles of rooms: ${circles.join("; ") || "none"}`);
  if (showsArrows) for (const [arrow, imports] of arrows) console.log(`  ${arrow}\n      ${imports.join("\n      ")}`);
}
for (const circle of circlesOf(graph)) console.log(`circle: ${circle.join(", ")}`);
