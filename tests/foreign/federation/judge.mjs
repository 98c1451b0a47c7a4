// Composes each case of a file ([[sdl of a, sdl of b, …], …]) as Apollo does; prints the errors of each.
import { readFileSync } from "node:fs";
import { composeServices } from "@apollo/composition";
import { parse } from "graphql";

const judge = (texts) => {
  try {
    const services = texts.map((text, i) => ({ name: "ab"[i] ?? `s${i}`, url: "http://localhost", typeDefs: parse(text) }));
    return (composeServices(services).errors ?? []).map((error) => error.message);
  } catch (error) {
    return [String(error.message)];
  }
};

console.log(JSON.stringify(JSON.parse(readFileSync(process.argv[2], "utf8")).map(judge)));
