/** Parsers against bytes that chance has made of good ones, a moment each; test/long/fuzz.test.ts takes its time. */
import { fuzzTests } from "../support/fuzzing.ts";

fuzzTests(250);
