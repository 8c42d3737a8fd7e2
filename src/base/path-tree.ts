/** Values by absolute path, where all that lies at and below a path can be taken out without looking at the rest. */

/** A map whose keys are absolute, clean paths. */
export type PathTree<Value> = {
  readonly size: number;
  get(path: string): Value | undefined;
  set(path: string, value: Value): void;
  /** Takes out what lies at and below `path`, and gives it back. */
  take(path: string): [path: string, value: Value][];
  /** All there is. */
  entries(): [path: string, value: Value][];
  /** The first value right below `path` that is wanted. */
  childOf(path: string, isWanted: (value: Value) => boolean): Value | undefined;
};

/**
 * An empty tree. Each operation costs as much as the path is deep and the answer is long, however large the tree is.
 */
export function newPathTree<Value>(): PathTree<Value> {
  const root: Node<Value> = { children: new Map() };
  let size = 0;
  return {
    get size() {
      return size;
    },
    get: (path) => nodeAt(root, path)?.value,
    set(path, value) {
      let node = root;
      for (const name of namesOf(path)) {
        const next = node.children.get(name) ?? { children: new Map() };
        node.children.set(name, next);
        node = next;
      }
      if (node.value === undefined) size += 1;
      node.value = value;
    },
    take(path) {
      const names = namesOf(path);
      const name = names.pop();
      const above = nodeAt(root, names.join("/"));
      const node = name === undefined ? root : above?.children.get(name);
      if (node === undefined) return [];
      const taken = below(node, path === "/" ? "" : path);
      above?.children.delete(name ?? "");
      if (name === undefined) {
        root.children.clear();
        delete root.value;
      }
      size -= taken.length;
      return taken;
    },
    entries: () => below(root, ""),
    childOf(path, isWanted) {
      for (const { value } of nodeAt(root, path)?.children.values() ?? []) {
        if (value !== undefined && isWanted(value)) return value;
      }
      return undefined;
    },
  };
}

// --- internal ---

type Node<Value> = { value?: Value; readonly children: Map<string, Node<Value>> };

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

function nodeAt<Value>(root: Node<Value>, path: string): Node<Value> | undefined {
  let node: Node<Value> | undefined = root;
  for (const name of namesOf(path)) node = node?.children.get(name);
  return node;
}

function below<Value>(node: Node<Value>, path: string): [string, Value][] {
  const found: [string, Value][] = [];
  const waiting: [string, Node<Value>][] = [[path, node]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [at, { value, children }] = next;
    if (value !== undefined) found.push([at === "" ? "/" : at, value]);
    for (const [name, child] of children) waiting.push([`${at}/${name}`, child]);
  }
  return found;
}
