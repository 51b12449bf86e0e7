import type { CodegenConfig } from "@graphql-codegen/cli";

// Types for every operation in src/operations.graphql, from the schema that the server prints. A field that does not
// exist, a variable of the wrong type, a value that may be null and is used as if it never were: all found by tsc.
const config: CodegenConfig = {
  schema: process.env["BACKOFFICE_SCHEMA"] ?? "../../schema.graphql",
  documents: "src/operations.graphql",
  emitLegacyCommonJSImports: false,
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: "string",
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        // Amounts are strings from end to end: a JavaScript number would lose cents.
        scalars: {
          Decimal: "string", Date: "string", DateTime: "string", TimeZone: "string", CurrencyCode: "string",
          CountryCode: "string", Iban: "string", Base64: "string", Json: "unknown", JSON: "unknown",
        },
      },
    },
  },
};

export default config;
