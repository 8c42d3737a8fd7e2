/** What each field of qn's JSON is, in words; the types below hold them to what is printed (src/cli/json-outputs.ts). */
import type { JsonOutputs } from "../../../src/cli/json-outputs.ts";

type Item<T> = NonNullable<T> extends readonly (infer Each)[] ? NonNullable<Each> : NonNullable<T>;

type Or<T> = (null extends T ? " or null" : "") extends infer Null extends string
  ? `${Null}${undefined extends T ? ", or not there" : ""}`
  : never;

type KindOf<T> = unknown extends T
  ? "any"
  : `${NonNullable<T> extends string
      ? "text"
      : NonNullable<T> extends number
        ? "number"
        : NonNullable<T> extends boolean
          ? "boolean"
          : NonNullable<T> extends readonly (infer Each)[]
            ? Each extends string
              ? "list of text"
              : "list of objects"
            : "object"}${Or<T>}`;

/** Every key of an object, or of any object of a union. */
type KeyOf<T> = T extends unknown ? keyof T : never;
type ValueOf<T, Key extends PropertyKey> = T extends unknown ? (Key extends keyof T ? T[Key] : never) : never;

/** The field's kind, what it says, and below it its own fields, or all words that it may be. */
type Field<T> = unknown extends T
  ? readonly [kind: KindOf<T>, text: string]
  : Item<T> extends string
    ? string extends Item<T>
      ? readonly [kind: KindOf<T>, text: string]
      : readonly [kind: KindOf<T>, text: string, words: Readonly<Record<Item<T>, "">>]
    : Item<T> extends number | boolean
      ? readonly [kind: KindOf<T>, text: string]
      : readonly [kind: KindOf<T>, text: string, fields: Fields<Item<T>>];

export type Fields<T> = { readonly [Key in KeyOf<T>]-?: Field<ValueOf<T, Key>> };

/** Any of them, for the page. */
export type AnyField = readonly [kind: string, text: string, below?: AnyFields | Readonly<Record<string, "">>];
export type AnyFields = { readonly [name: string]: AnyField };

/** An output as a page has it: a heading, what it is, and its fields. */
export type Output<Name extends keyof JsonOutputs> = {
  readonly is: JsonOutputs[Name] extends readonly unknown[] ? "list" : "object" | "lines";
  readonly text: string;
  readonly fields: Fields<Item<JsonOutputs[Name]>>;
};

/** Any output, for the page. */
export type AnyOutput = { readonly is: "list" | "object" | "lines"; readonly text: string; readonly fields: AnyFields };
