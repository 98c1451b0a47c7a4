// Composes subgraphs as Apollo's own gateways do: name=address pairs; prints the errors, the fields of the root and of entities.
import { composeServices } from "@apollo/composition";
import { buildSchema, parse } from "graphql";

const services = [];
for (const pair of process.argv.slice(2)) {
  const [name, url] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query: "{ _service { sdl } }" }) });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  services.push({ name, url, typeDefs: parse(data._service.sdl) });
}

const result = composeServices(services);
const fields = {};
if (result.schema) {
  const api = buildSchema(result.schema.toAPISchema ? (await import("@apollo/federation-internals")).printSchema(result.schema.toAPISchema()) : result.supergraphSdl);
  for (const type of Object.values(api.getTypeMap()))
    if (type.getFields && !type.name.startsWith("__")) fields[type.name] = Object.values(type.getFields()).map((field) => `${field.name}: ${field.type}`);
}
console.log(JSON.stringify({ errors: (result.errors ?? []).map((error) => error.message), fields }));
