/** Parsers against bytes that chance has made of good ones, half a minute each. */
import { fuzzTests } from "../support/fuzzing.ts";

fuzzTests(30_000);
